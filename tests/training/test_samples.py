"""Slots to tensors, from real files."""

import itertools

import numpy as np
import pytest
import torch
from config_samples import named_item
from media_files import encoded, film, film_frames, pixels, put, tar, target_picture

from stylecrafter_core.training.data.cache import LatentCache
from stylecrafter_core.training.data.plan import Slot
from stylecrafter_core.training.data.samples import Cutting, SampleMaker, size_ids

SIZE = (48, 32)
FRAMES = 4
LOSSLESS = {"crf": "0"}


def cutting(**changes) -> Cutting:
    known = {
        "seed": 0,
        "augments": True,
        "short_side": 36,
        "crop": 24,
        "clip_tokens": "sdxl",
        "style_pixels": 14,
        "frames": FRAMES,
        "stride": 2,
        "fps": None,
    }
    return Cutting(**(known | changes))


def slot(kind: str, step: int = 3, number: int = 1, item: int = 0) -> Slot:
    return Slot(step, number, kind, item, SIZE)


@pytest.fixture
def picture(tmp_path):
    data = encoded(pixels(), "PNG")
    put(tmp_path, "a.png", data)
    return named_item(str(tmp_path / "a.png"), size=len(data))


@pytest.fixture
def video(tmp_path):
    data = film(20, options=LOSSLESS)
    put(tmp_path, "a.mp4", data)
    return named_item(str(tmp_path / "a.mp4"), "video", size=len(data), width=96, height=64)


def counted(frames_TCHW: torch.Tensor) -> list[int]:
    """Which frames of `film` these are: their top rows are 4/255 brighter from one to the next."""
    return [round(float(frame[:, :2].mean()) * 255 / 4) for frame in frames_TCHW]


def test_a_picture(picture):
    sample = SampleMaker([picture], [], cutting(), None)[slot("image")]
    assert sample.failure is None
    assert sample.caption == f"caption of {picture.path}"
    assert torch.equal(sample.frames, target_picture(torch.from_numpy(pixels().copy()), *SIZE)[None])
    assert (sample.frames.shape, sample.cached) == ((1, 3, 32, 48), False)
    assert sample.style.shape == (3, 14, 14)
    assert sample.slot == slot("image")


def test_a_clip(video):
    sample = SampleMaker([], [video], cutting(), None)[slot("video")]
    assert sample.failure is None
    assert sample.frames.shape == (FRAMES, 3, 32, 48)
    assert sample.style.shape == (3, 14, 14)
    numbers = counted(sample.frames)
    assert [after - before for before, after in itertools.pairwise(numbers)] == [2, 2, 2]


def test_clips_begin_anywhere_in_the_video(video, monkeypatch):
    starts = []

    def decode(data, start, count, stride):
        starts.append(start)
        return torch.zeros(count, 64, 96, 3, dtype=torch.uint8)

    monkeypatch.setattr("stylecrafter_core.training.data.samples.decode_clip", decode)
    maker = SampleMaker([], [video], cutting(stride=1), None)
    for step in range(150):
        maker[slot("video", step=step)]
    assert set(starts) == set(range(17)), "20 frames have room for 4 from 0 to 16"


@pytest.mark.parametrize(
    ("frames", "file_fps", "stride", "fps", "expected"),
    [
        (100, 30.0, 3, None, 3),
        (100, 30.0, 1, 8.0, 4),  # 30 / 8 = 3.75
        (100, 29.97, 5, 30.0, 1),
        (100, 10.0, 1, 25.0, 1),  # a video that is slower than asked for is not sped up
        (100, None, 3, 8.0, 3),
        (10, 30.0, 30, None, 3),  # as much as there is room for: 0, 3, 6, 9
        (4, 30.0, 2, None, 1),
    ],
)
def test_the_stride_of_a_clip(frames, file_fps, stride, fps, expected):
    item = named_item("a.mp4", "video", frames=frames, fps=file_fps)
    assert cutting(stride=stride, fps=fps).stride_of(item) == expected


def test_a_clip_by_frames_per_second(video):
    sample = SampleMaker([], [video], cutting(stride=1, fps=10 / 3), None)[slot("video")]
    numbers = counted(sample.frames)
    assert numbers[-1] - numbers[0] == 9


def test_a_video_of_just_the_frames_is_taken_whole(tmp_path):
    data = film(FRAMES, options=LOSSLESS)
    put(tmp_path, "a.mp4", data)
    item = named_item(str(tmp_path / "a.mp4"), "video", size=len(data), frames=FRAMES, width=96, height=64)
    sample = SampleMaker([], [item], cutting(), None)[slot("video")]
    assert counted(sample.frames) == [0, 1, 2, 3]


def test_a_style_picture_is_a_frame_of_its_clip(video):
    """Without a crop at random it is the centre of a whole frame, of which the bar shows the number."""
    maker = SampleMaker([], [video], cutting(augments=False, crop=64, style_pixels=64), None)
    frames = [target_picture(torch.from_numpy(frame), 64, 64).flatten() for frame in film_frames(20)]
    places = set()
    for step in range(6):
        sample = maker[slot("video", step=step)]
        alike = [torch.corrcoef(torch.stack([sample.style.flatten(), frame]))[0, 1] for frame in frames]
        shown = max(range(20), key=alike.__getitem__)
        numbers = counted(sample.frames)
        assert shown in numbers
        places.add(numbers.index(shown))
    assert len(places) > 1


def test_the_same_slot_is_the_same_sample(picture, video):
    maker = SampleMaker([picture], [video], cutting(), None)
    torch.manual_seed(1)
    first = {kind: maker[slot(kind)] for kind in ("image", "video")}
    maker[slot("image", step=9)]
    torch.manual_seed(2)
    for kind, sample in first.items():
        again = SampleMaker([picture], [video], cutting(), None)[slot(kind)]
        assert torch.equal(again.frames, sample.frames)
        assert torch.equal(again.style, sample.style)


@pytest.mark.parametrize("change", [{"step": 4}, {"number": 2}])
def test_another_slot_is_another_crop_of_the_same_target(picture, change):
    maker = SampleMaker([picture], [], cutting(), None)
    first, other = maker[slot("image")], maker[slot("image", **change)]
    assert torch.equal(first.frames, other.frames)
    assert not torch.equal(first.style, other.style)


def test_another_seed_is_another_crop(picture):
    first, other = (SampleMaker([picture], [], cutting(seed=seed), None)[slot("image")] for seed in (0, 1))
    assert not torch.equal(first.style, other.style)


def test_without_augmentation_the_crop_is_always_the_same(picture):
    maker = SampleMaker([picture], [], cutting(augments=False), None)
    styles = [maker[slot("image", step=step)].style for step in range(3)]
    assert torch.equal(styles[0], styles[1])
    assert torch.equal(styles[0], styles[2])


BROKEN = {
    "gone": (None, "No such file"),
    "empty": (b"", "0 bytes"),
    "cut off": (encoded(pixels(), "PNG")[:-200], "is not what the manifest says"),
    "no picture": (b"x" * 5000, "decoded"),
}


@pytest.mark.parametrize(("data", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_picture_is_zeros_and_its_reason(tmp_path, data, words):
    if data is not None:
        put(tmp_path, "a.png", data)
    size = 5000 if data and data[:1] == b"x" else len(encoded(pixels(), "PNG"))
    maker = SampleMaker([named_item(str(tmp_path / "a.png"), size=size)], [], cutting(), None)
    sample = maker[slot("image")]
    assert sample.failure.startswith(f"{tmp_path / 'a.png'}: ")
    assert words in sample.failure
    assert "\n" not in sample.failure
    assert sample.frames.shape == (1, 3, 32, 48)
    assert sample.style.shape == (3, 14, 14)
    assert not sample.frames.any()
    assert not sample.style.any()
    assert (sample.caption, sample.cached, sample.slot) == ("", False, slot("image"))


def test_a_broken_video_is_zeros_and_its_reason(tmp_path):
    data = film(20)
    damaged = data[:600] + bytes(len(data) - 600)
    put(tmp_path, "a.mp4", damaged)
    item = named_item(str(tmp_path / "a.mp4"), "video", size=len(data), width=96, height=64)
    sample = SampleMaker([], [item], cutting(), None)[slot("video")]
    assert sample.failure.startswith(f"{tmp_path / 'a.mp4'}: ")
    assert sample.frames.shape == (FRAMES, 3, 32, 48)
    assert not sample.frames.any()


def test_a_video_that_is_shorter_than_it_was_is_a_failure(tmp_path):
    data = film(8)
    put(tmp_path, "a.mp4", data)
    item = named_item(str(tmp_path / "a.mp4"), "video", size=len(data), frames=200, width=96, height=64)
    maker = SampleMaker([], [item], cutting(), None)
    failures = [maker[slot("video", step=step)].failure for step in range(4)]
    assert any(failure is not None and "a.mp4" in failure for failure in failures)


def test_a_broken_member_of_a_tar_is_named_with_its_place(tmp_path):
    path = tar(tmp_path / "a.tar", {"x.png": b"x" * 5000})
    item = named_item(str(path), offset=512, size=5000)
    sample = SampleMaker([item], [], cutting(), None)[slot("image")]
    assert sample.failure.startswith(f"{path}/byte 512: ")


def test_a_broken_file_leaves_the_next_one_alone(tmp_path, picture):
    maker = SampleMaker([named_item(str(tmp_path / "none.png"), size=9), picture], [], cutting(), None)
    assert maker[slot("image", item=0)].failure is not None
    assert maker[slot("image", item=1)].failure is None


def test_cached_latents_take_the_place_of_the_target(tmp_path, picture):
    cache = LatentCache(tmp_path / "cache")
    latents = torch.randn(1, 4, 4, 6).half()
    cache.add({cache.name(picture, SIZE): latents})
    sample = SampleMaker([picture], [], cutting(), cache)[slot("image")]
    plain = SampleMaker([picture], [], cutting(), None)[slot("image")]
    assert sample.cached
    assert torch.equal(sample.frames, latents)
    assert torch.equal(sample.style, plain.style), "the same crop with and without"


def test_a_video_that_is_one_clip_is_read_from_the_cache(tmp_path):
    data = film(FRAMES, options=LOSSLESS)
    put(tmp_path, "a.mp4", data)
    item = named_item(str(tmp_path / "a.mp4"), "video", size=len(data), frames=FRAMES, width=96, height=64)
    cache, latents = LatentCache(tmp_path / "cache"), torch.randn(2, 4, 4, 6).half()  # fewer, as over time
    cache.add({cutting().entry(item, SIZE): latents})
    quick, plain = (SampleMaker([], [item], cutting(), here) for here in (cache, None))
    for step in range(6):
        sample = quick[slot("video", step=step)]
        assert sample.cached
        assert torch.equal(sample.frames, latents)
        style = plain[slot("video", step=step)].style
        assert torch.equal(sample.style, style), "the same frame and crop with and without"


def test_one_video_may_be_one_clip_in_two_ways():
    """Seven frames are seven, and four at every second frame."""
    item = named_item("a.mp4", "video", frames=7, fps=10.0)
    assert cutting(frames=7, stride=1).entry(item, SIZE) != cutting(frames=4, stride=2).entry(item, SIZE)


@pytest.mark.parametrize(
    ("frames", "stride", "kept"), [(4, 2, True), (7, 2, True), (8, 2, False), (7, 1, False), (5, 2, False)]
)
def test_a_video_with_room_for_other_clips_is_cut_anew_every_time(frames, stride, kept):
    item = named_item("a.mp4", "video", frames=frames, fps=10.0)
    assert (cutting(stride=stride).entry(item, SIZE) is not None) == kept


def test_what_the_cache_lacks_is_computed(tmp_path, picture):
    cache = LatentCache(tmp_path / "cache")
    cache.add({cache.name(picture, (32, 48)): torch.zeros(1, 4, 6, 4)})  # another size
    sample = SampleMaker([picture], [], cutting(), cache)[slot("image")]
    assert (sample.cached, sample.frames.shape) == (False, (1, 3, 32, 48))


def test_size_ids_are_not_exchanged():
    ids = size_ids(named_item("a.png", width=1200, height=800), (512, 512))
    assert (ids.width, ids.height) == (1200, 800)
    assert (ids.crop_left, ids.crop_top) == (128, 0)  # scaled to 768 x 512
    assert (ids.target_width, ids.target_height) == (512, 512)


def test_size_ids_of_a_tall_picture_and_a_wide_target():
    ids = size_ids(named_item("a.png", width=500, height=1000), (640, 384))
    assert (ids.width, ids.height) == (500, 1000)
    assert (ids.crop_left, ids.crop_top) == (0, 448)  # scaled to 640 x 1280
    assert (ids.target_width, ids.target_height) == (640, 384)


@pytest.mark.parametrize(("width", "height"), [(61, 40), (333, 222), (47, 33), (1000, 667)])
def test_the_crop_of_the_ids_is_where_the_target_was_cut(width, height):
    """The whole picture, scaled, and the target side by side: they are equal at that place."""
    rows = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    columns = np.linspace(0, 255, width)[None].repeat(height, 0)
    picture = torch.from_numpy(np.stack([columns, rows, rows], -1).round().astype(np.uint8))
    scale = max(SIZE[0] / width, SIZE[1] / height)
    whole = target_picture(picture, max(SIZE[0], round(width * scale)), max(SIZE[1], round(height * scale)))
    ids = size_ids(named_item("a.png", width=width, height=height), SIZE)
    cut = whole[:, ids.crop_top : ids.crop_top + SIZE[1], ids.crop_left : ids.crop_left + SIZE[0]]
    assert torch.allclose(cut, target_picture(picture, *SIZE), atol=1e-5)


def test_size_ids_follow_the_item(picture):
    sample = SampleMaker([picture], [], cutting(), None)[slot("image")]
    assert sample.sizes == size_ids(picture, SIZE)
