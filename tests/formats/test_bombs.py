"""Files that would hang, fill the memory or load as garbage: each refused in words, at once."""

from __future__ import annotations

import resource
import time
import zipfile

import pytest
import torch
from bombs import BOMBS, named, older_bytes, repacked, tensor, text, video_adapter, whole, with_pickle
from safetensors.torch import save_file

from stylecrafter_core.errors import WeightFileError
from stylecrafter_core.formats import read_adapter, read_temporal, read_tensors, read_video_base

MOST_SECONDS, MOST_KILOBYTES = 2.0, 300_000  # a second on a quiet machine


@pytest.mark.parametrize("name", BOMBS)
def test_it_is_refused_in_words_at_once(tmp_path, name):
    path = tmp_path / "weights.pth"
    BOMBS[name](path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with pytest.raises(WeightFileError) as caught:
        read_adapter(path)
    assert time.process_time() - started < MOST_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KILOBYTES
    assert str(path) in caught.value.what
    assert caught.value.found
    assert caught.value.fix
    assert len(str(caught.value)) < 2_000


@pytest.mark.parametrize("change", [bytes(8), b"\x01" * 64, None], ids=["8 zeros", "64 bytes", "4 taken out"])
@pytest.mark.parametrize("place", ["first length", "first storage", "second length", "second storage", "end"])
def test_the_older_form_shifted(tmp_path, place, change):
    """torch takes it: every number behind the place is another one."""
    path = tmp_path / "weights.pth"
    whole = older_bytes(a=torch.arange(50.0), b=torch.arange(50.0))
    start = {"first length": 416, "first storage": 320, "second length": 208, "second storage": 100, "end": 0}
    at = len(whole) - start[place]
    path.write_bytes(whole[:at] + change + whole[at:] if change else whole[: at - 4] + whole[at:])
    with pytest.raises(WeightFileError, match="damaged"):
        read_tensors(path)


def test_the_same_files_unharmed_are_read(tmp_path):
    """Or the tests above would pass on anything that refuses everything."""
    repacked(tmp_path / "w.pth")
    assert list(read_tensors(tmp_path / "w.pth").tensors) == ["a", "b"]
    video_adapter(tmp_path / "a.pth")
    assert len(read_tensors(tmp_path / "a.pth").tensors) == 5
    (tmp_path / "o.pth").write_bytes(older_bytes(a=torch.ones(6), b=torch.ones(50).half(), c=torch.ones(0)))
    assert list(read_tensors(tmp_path / "o.pth").tensors) == ["a", "b", "c"]


def test_a_zero_byte_in_a_path():
    with pytest.raises(WeightFileError, match="cannot be opened"):
        read_tensors("folder/a\0b.pth")


def test_numbers_that_share_one_place_are_refused(tmp_path):
    """Two are enough: a tensor of one number, shown twice."""
    with_pickle(tmp_path / "w.pth", named(a=tensor((2,), (0,))))
    with pytest.raises(WeightFileError, match="a tensor of 8 bytes made out of 8"):
        read_tensors(tmp_path / "w.pth")


MKDIR, FOLDER = b"cposix\nmkdir\n", text("trap")
CALLS = {
    "REDUCE": MKDIR + b"(" + FOLDER + b"tR",
    "REDUCE of one": MKDIR + FOLDER + b"\x85R",
    "REDUCE of two": MKDIR + FOLDER + whole(0o777) + b"\x86R",
    "INST": b"(" + FOLDER + b"iposix\nmkdir\n",
    "OBJ": b"(" + MKDIR + FOLDER + b"o",
    "NEWOBJ": MKDIR + FOLDER + b"\x85\x81",
    "NEWOBJ_EX": MKDIR + FOLDER + b"\x85}\x92",
    "STACK_GLOBAL": text("posix") + text("mkdir") + b"\x93" + FOLDER + b"\x85R",
    "from the memo": MKDIR + b"q\x000h\x00" + FOLDER + b"\x85R",
    "from the memo, counted": MKDIR + b"\x940h\x00" + FOLDER + b"\x85R",
    "taken twice": MKDIR + b"2" + FOLDER + b"\x85R",
    "handed to a function that calls": b"ctorch._tensor\n_rebuild_from_type_v2\n" + MKDIR + b"\x85R",
}


@pytest.mark.parametrize("how", CALLS)
def test_code_is_refused_by_name_however_it_is_called(tmp_path, monkeypatch, how):
    monkeypatch.chdir(tmp_path)
    with_pickle(tmp_path / "w.pth", named(a=CALLS[how]))
    with pytest.raises(WeightFileError, match=r"wants `posix\.mkdir`") as caught:
        read_tensors(tmp_path / "w.pth")
    assert "Nothing of it was run" in caught.value.what
    assert not (tmp_path / "trap").exists()


def test_code_in_a_pickle_without_a_folder_is_refused_by_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
        archive.writestr("data.pkl", named(a=CALLS["REDUCE"]))
    with pytest.raises(WeightFileError, match=r"wants `posix\.mkdir`"):
        read_tensors(tmp_path / "w.pth")


def test_shared_weights_are_no_bomb(tmp_path):
    """Tied weights, and an average that has not moved yet."""
    weight = torch.ones(100, 100)
    torch.save({"a": weight, "b": weight, "c": weight[:50], "d": weight.T}, tmp_path / "w.pth")
    assert len(read_tensors(tmp_path / "w.pth").tensors) == 4


ODD_VALUES = {
    "NaN": lambda t: t.index_fill(0, torch.tensor([0]), float("nan")),
    "infinity": lambda t: t.index_fill(0, torch.tensor([0]), float("-inf")),
    "NaN in float16": lambda t: t.half().index_fill(0, torch.tensor([0]), float("nan")),
    "NaN in float8": lambda t: t.index_fill(0, torch.tensor([0]), float("nan")).to(torch.float8_e4m3fn),
    "whole numbers": lambda t: t.long(),
    "booleans": lambda t: t > 0,
    "complex numbers": lambda t: t.to(torch.complex64),
}
READERS = {"adapter.pth": read_adapter, "temporal.pth": read_temporal, "base.ckpt": read_video_base}


@pytest.mark.parametrize("file", READERS)
@pytest.mark.parametrize("kind", ODD_VALUES)
def test_values_that_are_no_weights(golden, tmp_path, file, kind):
    tensors = dict(read_tensors(golden / "video_a" / file).tensors)
    name = sorted(tensors)[len(tensors) // 2]
    tensors[name] = ODD_VALUES[kind](tensors[name])
    torch.save(tensors, tmp_path / file)
    with pytest.raises(WeightFileError) as caught:
        READERS[file](tmp_path / file)
    assert name in caught.value.found


def test_sums_that_overflow_are_no_infinite_weights(golden, tmp_path):
    tensors = dict(read_tensors(golden / "video_a" / "adapter.pth").tensors)
    name = next(iter(tensors))
    tensors[name] = torch.full_like(tensors[name], 3e38)
    torch.save(tensors, tmp_path / "adapter.pth")
    assert read_adapter(tmp_path / "adapter.pth").report.complete


@pytest.mark.parametrize("form", ["torch", "safetensors"])
@pytest.mark.parametrize("change", ["replaced", "cut", "removed"])
def test_a_file_that_changes_after_loading_changes_nothing(golden, tmp_path, form, change):
    path = tmp_path / "adapter"
    source = golden / "video_a" / "adapter.pth"
    if form == "torch":
        path.write_bytes(source.read_bytes())
    else:
        save_file({n: t.contiguous() for n, t in read_tensors(source).tensors.items()}, path)
    tensors = read_adapter(path).tensors
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    if change == "removed":
        path.unlink()
    else:
        with path.open("r+b") as stream:
            if change == "cut":
                stream.truncate(100)
            else:
                stream.write(bytes(path.stat().st_size))
    assert all(torch.equal(tensors[name], before[name]) for name in before)
