"""The room of the small family's weights: written, checked, placed."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lab.family import family
from stylecrafter_core.errors import InputError


@pytest.fixture
def made(tmp_path):
    """Something trained, in float32, for each file."""
    paths = {}
    for number, file in enumerate(family.FAMILY):
        paths[file] = tmp_path / "runs" / file.name
        paths[file].parent.mkdir(exist_ok=True)
        tensors = {"weight": torch.full((3, 4), 0.1 + number), "scale": torch.tensor(0.18215)}
        save_file(tensors, paths[file], {"format": "stylecrafter"})
    return paths


def test_published_files_are_half_as_large_and_keep_their_header(made, tmp_path):
    family.publish(made, tmp_path / "weights")
    found = load_file(tmp_path / "weights" / family.ADAPTER.name)
    assert found["weight"].dtype == torch.float16
    assert found["weight"].float() == pytest.approx(torch.full((3, 4), 2.1), abs=1e-3)
    assert found["scale"].dtype == torch.float32
    with safe_open(tmp_path / "weights" / family.ADAPTER.name, "pt") as file:
        assert file.metadata() == {"format": "stylecrafter"}


def test_published_files_are_as_readable_as_their_sources(made, tmp_path):
    made[family.ADAPTER].chmod(0o640)
    made[family.TEMPORAL].chmod(0o600)
    family.publish(made, tmp_path / "weights")
    modes = [(tmp_path / "weights" / file.name).stat().st_mode for file in (family.ADAPTER, family.TEMPORAL)]
    assert modes == [path.stat().st_mode for path in (made[family.ADAPTER], made[family.TEMPORAL])]


def test_placed_files_are_those_of_the_room(made, tmp_path):
    family.publish(made, tmp_path / "weights")
    inputs = family.place(tmp_path / "models", tmp_path / "weights")
    assert set(inputs) == {"ckpt_name", "encoder_name", "adapter_name", "temporal_name"}
    for file in family.FAMILY:
        placed = tmp_path / "models" / file.folder / inputs[file.input_name]
        assert placed.read_bytes() == (tmp_path / "weights" / file.name).read_bytes()


def test_a_later_publication_of_one_file_keeps_the_others(made, tmp_path):
    room = tmp_path / "weights"
    family.publish(made, room)
    before = (room / family.BASE.name).read_bytes()
    save_file({"weight": torch.zeros(2, 2)}, made[family.ADAPTER])
    family.publish({family.ADAPTER: made[family.ADAPTER]}, room)
    assert (room / family.BASE.name).read_bytes() == before
    assert all(family.check(file, room).is_file() for file in family.FAMILY)


def contents(room):
    return {file.name: file.read_bytes() for file in room.iterdir()}


def without_its_sum(victim):
    sums = victim.with_name(family.SUMS)
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join(line for line in lines if victim.name not in line))


DAMAGES = {
    "changed": lambda victim: save_file({"weight": torch.zeros(3, 4)}, victim),
    "missing": lambda victim: victim.unlink(),
    "no sum": without_its_sum,
    "no sums": lambda victim: victim.with_name(family.SUMS).unlink(),
}


@pytest.mark.parametrize("damage", ["changed", "missing", "no sum"])
def test_a_publication_of_one_file_is_refused_while_another_is_not_its_sums(made, tmp_path, damage):
    room = tmp_path / "weights"
    family.publish(made, room)
    victim = room / family.BASE.name
    DAMAGES[damage](victim)
    save_file({"weight": torch.zeros(2, 2)}, made[family.ADAPTER])
    before = contents(room)
    with pytest.raises(InputError, match=f"{victim.name} is not the published weight file"):
        family.publish({family.ADAPTER: made[family.ADAPTER]}, room)
    assert contents(room) == before


def test_what_is_published_anew_may_have_been_damaged(made, tmp_path):
    room = tmp_path / "weights"
    family.publish(made, room)
    (room / family.ADAPTER.name).write_bytes(b"damaged")
    family.publish({family.ADAPTER: made[family.ADAPTER]}, room)
    assert all(family.check(file, room).is_file() for file in family.FAMILY)


def test_an_empty_room_takes_one_file(made, tmp_path):
    family.publish({family.ADAPTER: made[family.ADAPTER]}, tmp_path / "weights")
    assert set(contents(tmp_path / "weights")) == {family.ADAPTER.name, family.SUMS}


@pytest.mark.parametrize("line", ["nothing", "0123  short.safetensors", f"{'0' * 64}"])
def test_a_line_that_is_no_sum_is_named(made, tmp_path, line):
    room = tmp_path / "weights"
    family.publish(made, room)
    good = (room / family.SUMS).read_text()
    (room / family.SUMS).write_text(f"{good}\n{line}\n")
    before = contents(room)
    for attempt in (
        lambda: family.check(family.BASE, room),
        lambda: family.publish({family.ADAPTER: made[family.ADAPTER]}, room),
    ):
        with pytest.raises(InputError, match=rf"Line 6 of .*{family.SUMS} is not a checksum") as caught:
            attempt()
        assert line in caught.value.found
        assert caught.value.expected
        assert caught.value.fix
    assert contents(room) == before


@pytest.mark.parametrize("damage", ["changed", "missing", "no sums"])
def test_other_weights_are_refused(made, tmp_path, damage):
    room = tmp_path / "weights"
    family.publish(made, room)
    victim = room / family.TEMPORAL.name
    DAMAGES[damage](victim)
    with pytest.raises(InputError, match="not the published weight file"):
        family.place(tmp_path / "models", room)
    assert not (tmp_path / "models" / family.TEMPORAL.folder / family.TEMPORAL.name).exists()


def test_nothing_is_published_while_a_result_is_missing(made, tmp_path):
    made[family.TEMPORAL].unlink()
    with pytest.raises(InputError, match="temporal"):
        family.publish(made, tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_what_lies_in_the_repository_matches_its_sums():
    present = [file for file in family.FAMILY if (family.ROOM / file.name).is_file()]
    listed = {line.split()[1] for line in (family.ROOM / family.SUMS).read_text().splitlines()}
    assert listed == {file.name for file in present}
    assert all(family.check(file) for file in present)
    assert sum((family.ROOM / file.name).stat().st_size for file in present) <= 30e6
