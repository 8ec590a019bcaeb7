"""Manifests to what is trained on and what is held out."""

import random
from pathlib import Path

import pytest
from config_samples import named_item, small_config

from stylecrafter_core.errors import InputError
from stylecrafter_core.training.data.manifest import Manifest, write_manifest
from stylecrafter_core.training.data.sets import read_data, require_enough, sizes_of


@pytest.fixture
def data_of(tmp_path):
    """`data_of(items, ...)`: what is read of manifests with those items; `validation` is the config's."""

    def read(*manifests, validation: int = 4, frames: int = 8):
        names = []
        for number, items in enumerate(manifests):
            path = tmp_path / str(number) / "set.jsonl"
            path.parent.mkdir(exist_ok=True)
            write_manifest(path, Manifest(path.parent, tuple(items)))
            names.append(str(path))
        config = small_config(
            tmp_path,
            f"data.manifests={names}",
            f"data.validation={validation}",
            f"data.frames={frames}",
        )
        return read_data(config.data)

    return read


def pictures(count: int, start: str = "p") -> list:
    return [named_item(f"{start}{number}.png") for number in range(count)]


def videos(count: int, **fields) -> list:
    return [named_item(f"v{number}.mp4", "video", **fields) for number in range(count)]


def paths(items) -> list[str]:
    return [Path(item.path).name for item in items]


def test_both_kinds_apart_with_the_folder_of_their_manifest(data_of, tmp_path):
    data = data_of(pictures(3), videos(2), validation=0)
    assert paths(data.images) == ["p0.png", "p1.png", "p2.png"]
    assert paths(data.videos) == ["v0.mp4", "v1.mp4"]
    assert {Path(item.path).parent for item in data.images} == {tmp_path / "0"}
    assert {Path(item.path).parent for item in data.videos} == {tmp_path / "1"}
    assert (data.held_images, data.held_videos) == ((), ())


def test_what_is_held_out_is_not_trained_on(data_of):
    data = data_of(pictures(40), videos(30))
    assert (len(data.held_images), len(data.held_videos)) == (4, 4)
    for trained, held in ((data.images, data.held_images), (data.videos, data.held_videos)):
        assert not set(paths(trained)) & set(paths(held))
    assert len(data.images) == 36
    assert len(data.videos) == 26


@pytest.mark.parametrize(("count", "held"), [(0, 0), (4, 0), (5, 1), (9, 1), (19, 3), (20, 4), (200, 4)])
def test_at_most_a_fifth_is_held_out(data_of, count, held):
    data = data_of(pictures(count))
    assert (len(data.held_images), len(data.images)) == (held, count - held)


def test_the_order_in_the_manifest_decides_nothing_and_stays(data_of):
    items = pictures(30)
    shuffled = random.Random(0).sample(items, len(items))
    data, other = data_of(items), data_of(shuffled)
    assert set(paths(data.held_images)) == set(paths(other.held_images))
    held = set(paths(data.held_images))
    assert paths(other.images) == [item.path for item in shuffled if item.path not in held]


def test_adding_items_holds_out_none_that_was_trained_on(data_of):
    before, more = pictures(30), pictures(50, "new")
    held = set(paths(data_of(before).held_images))
    held_after = set(paths(data_of([*more, *before]).held_images))
    assert len(held_after) == 4
    assert held_after <= held | {item.path for item in more}
    lowest = sorted([*before, *more], key=lambda item: item.sha256)[:4]
    assert held_after == {item.path for item in lowest}


def test_copies_in_several_manifests_stay_together(data_of):
    """A copy of a held-out picture must not be trained on, and copies of one must not empty the set."""
    items = pictures(20)
    data = data_of(items, items)
    assert len(data.held_images) == 4
    assert not set(paths(data.images)) & set(paths(data.held_images))
    assert len(data.images) == 36
    same = [named_item(f"{number}.png", sha256="00") for number in range(10)]
    data = data_of(same)
    assert (len(data.images), len(data.held_images)) == (10, 0)


def test_a_video_of_too_few_frames_is_left_out(data_of):
    data = data_of([*videos(2, frames=7), named_item("whole.mp4", "video", frames=8)], validation=0)
    assert paths(data.videos) == ["whole.mp4"]


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.jsonl cannot be read"):
        read_data(small_config(tmp_path, f"data.manifests=[{tmp_path}/none.jsonl]").data)


def test_every_item_has_the_size_of_the_config_or_of_its_bucket(tmp_path):
    items = [
        named_item(name, width=width, height=height)
        for name, width, height in (("square", 50, 50), ("wide", 160, 90), ("tall", 90, 160))
    ]
    plain = small_config(tmp_path, "data.width=96", "data.height=64")
    assert sizes_of(items, plain.data) == [(96, 64)] * 3
    buckets = small_config(tmp_path, "data.width=512", "data.height=512", "data.bucket_step=64")
    assert sizes_of(items, buckets.data) == [(512, 512), (640, 384), (384, 640)]


@pytest.mark.parametrize(("count", "processes"), [(1, 1), (2, 2), (3, 2)])
def test_enough(count, processes):
    require_enough(pictures(count), "image", 8, processes)


@pytest.mark.parametrize(("count", "processes"), [(0, 1), (1, 2), (3, 4)])
def test_more_processes_than_items(count, processes):
    with pytest.raises(InputError, match="not enough images") as caught:
        require_enough(pictures(count), "image", 8, processes)
    assert f"{count} images" in caught.value.found
    assert f"{processes} processes" in caught.value.found
    assert "8 or more" in caught.value.expected
    assert "data.validation" in caught.value.fix
