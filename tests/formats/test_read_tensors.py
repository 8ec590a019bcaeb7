"""Every container, and every way in which a file can be wrong: what is said, and that nothing in it runs."""

import contextlib
import io
import os
import pickle
import random
import tarfile
import zipfile
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file

from stylecrafter_core.errors import WeightFileError
from stylecrafter_core.formats import read_tensors

WEIGHT = torch.arange(6.0).reshape(2, 3)


class RunsCode:
    """Unpickled without restriction, it makes the folder it was given."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def message(path):
    with pytest.raises(WeightFileError) as caught:
        read_tensors(path)
    error = caught.value
    assert str(path) in error.what
    assert error.found
    assert error.expected
    assert error.fix
    return str(error)


def test_safetensors_under_any_name(tmp_path):
    save_file({"a.weight": WEIGHT}, tmp_path / "weights.pth", metadata={"note": "hello"})
    file = read_tensors(tmp_path / "weights.pth")
    assert file.metadata == {"note": "hello"}
    assert torch.equal(file.tensors["a.weight"], WEIGHT)


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_are_unwrapped_and_flattened(tmp_path, zipped):
    content = {
        "state_dict": OrderedDict({"block.0": {"weight": WEIGHT}, "scale": torch.nn.Parameter(WEIGHT[0])}),
        "global_step": 7,
    }
    path = tmp_path / "weights.safetensors"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    tensors = read_tensors(path).tensors
    assert list(tensors) == ["block.0.weight", "scale"]
    assert torch.equal(tensors["block.0.weight"], WEIGHT)
    assert not tensors["scale"].requires_grad


def test_values_that_are_no_tensors_are_left_out(tmp_path):
    torch.save({"a": WEIGHT, "epoch": 3, "name": "x", "list": [WEIGHT]}, tmp_path / "w.pt")
    assert list(read_tensors(tmp_path / "w.pt").tensors) == ["a"]


def test_a_training_frameworks_callback_key_is_harmless(tmp_path):
    callback = type("ModelCheckpoint", (), {"__module__": "pytorch_lightning.callbacks.model_checkpoint"})
    buffer = io.BytesIO()
    torch.save({"state_dict": {"a": WEIGHT}}, buffer)
    path = tmp_path / "w.ckpt"
    # Such a file cannot be written here without that framework: the class's name is put in by hand.
    named = b"c" + f"{callback.__module__}\n{callback.__name__}\n".encode()
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.namelist():
            data = source.read(entry)
            if entry.endswith("data.pkl"):
                # {"callbacks": {ModelCheckpoint: "best"}} beside the state dict.
                end = data.rindex(b"s.")
                key = b"X\x09\x00\x00\x00callbacks}" + named + b"X\x04\x00\x00\x00bestss."
                data = data[:end] + b"s" + key
            target.writestr(entry, data)
    assert torch.equal(read_tensors(path).tensors["a"], WEIGHT)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_that_would_run_code_is_refused_by_name(tmp_path, protocol):
    trap = tmp_path / "trap"
    path = tmp_path / "w.pth"
    path.write_bytes(pickle.dumps({"state_dict": RunsCode(trap)}, protocol=protocol))
    text = message(path)
    assert f"`{os.mkdir.__module__}.mkdir`" in text
    assert "Nothing of it was run" in text
    assert not trap.exists()
    pickle.loads(path.read_bytes())  # noqa: S301
    assert trap.exists(), "the trap itself must work, or this test shows nothing"


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("zipped", [True, False])
def test_a_torch_file_that_would_run_code_is_refused_by_name(tmp_path, zipped):
    trap = tmp_path / "trap"
    path = tmp_path / "w.pth"
    torch.save(
        {"a": WEIGHT, "evil": RunsCode(trap)}, path, _use_new_zipfile_serialization=zipped, pickle_protocol=4
    )
    assert f"`{os.mkdir.__module__}.mkdir`" in message(path)
    assert not trap.exists()
    torch.load(path, weights_only=False)
    assert trap.exists(), "the trap itself must work, or this test shows nothing"


def test_a_tar_archive_that_looks_like_a_pickle_is_refused(tmp_path):
    path = tmp_path / "w.pth"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT, encoding="latin-1") as archive:
        archive.addfile(tarfile.TarInfo("\x80\x02x"), io.BytesIO(b""))
    assert path.read_bytes().startswith(b"\x80\x02")
    assert "a tar archive" in message(path)


def test_missing_file_names_its_neighbours(tmp_path):
    (tmp_path / "other.pth").write_bytes(b"x")
    assert "does not exist" in message(tmp_path / "adapter.pth")
    assert "other.pth" in message(tmp_path / "adapter.pth")


def test_missing_folder(tmp_path):
    assert "no folder" in message(tmp_path / "nowhere" / "adapter.pth")


def test_folder_instead_of_file(tmp_path):
    assert "cannot be opened" in message(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty", "0 bytes"]),
        (b"\n <!DOCTYPE html><html><body>Sign in</body></html>", ["a web page (HTML)", "50 bytes"]),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
            ["Git-LFS pointer", "git lfs pull"],
        ),
        (b"\0" * 5000, ["nothing but zero bytes", "5,000 bytes"]),
        (b'{"error": "not found"}', ["text (JSON or XML)"]),
        (b"\xff\xd8\xff\xe0 a photo", ["begins with the bytes b'\\xff\\xd8"]),
        (b"\x80", ["begins with the bytes"]),
    ],
)
def test_files_that_are_no_weights(tmp_path, content, words):
    path = tmp_path / "adapter.pth"
    path.write_bytes(content)
    text = message(path)
    for word in words:
        assert word in text


def test_truncated_zip(tmp_path):
    path = tmp_path / "adapter.pth"
    torch.save({"a": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:3000])
    text = message(path)
    assert "cut off" in text
    assert "3,000 bytes" in text


def test_zip_of_something_else(tmp_path):
    path = tmp_path / "adapter.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("adapter_v1.pth", b"x")
    assert "without torch's data.pkl (adapter_v1.pth, 1 entries)" in message(path)


def test_truncated_pickle_of_the_older_format(tmp_path):
    path = tmp_path / "adapter.pth"
    torch.save({"a": torch.zeros(1000)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:3000])
    text = message(path)
    assert "cut off or damaged" in text
    assert "3,000 bytes, where its pickle promises 4,000" in text


@pytest.mark.parametrize(
    ("kept", "words"), [(500, "500 bytes, where its header promises"), (40, "cut off or damaged")]
)
def test_truncated_safetensors(tmp_path, kept, words):
    path = tmp_path / "adapter.safetensors"
    save_file({"a": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:kept])
    assert words in message(path)


def test_safetensors_whose_header_length_looks_like_text(tmp_path):
    """The length's own bytes may be blanks and braces: 0x7b20 is " {" when read as text."""
    plain = tmp_path / "plain.safetensors"
    save_file({"a": WEIGHT}, plain)
    data = plain.read_bytes()
    length = int.from_bytes(data[:8], "little")
    padded = data[8 : 8 + length].ljust(0x7B20) + data[8 + length :]
    path = tmp_path / "padded.safetensors"
    path.write_bytes((0x7B20).to_bytes(8, "little") + padded)
    assert path.read_bytes().startswith(b" {")
    assert torch.equal(read_tensors(path).tensors["a"], WEIGHT)


def test_no_tensors(tmp_path):
    torch.save({"state_dict": {}, "epoch": 3}, tmp_path / "w.pt")
    assert "holds no tensors" in message(tmp_path / "w.pt")


def test_not_named(tmp_path):
    torch.save([WEIGHT], tmp_path / "w.pt")
    assert "a single list" in message(tmp_path / "w.pt")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", ["zip", "pickle", "safetensors"])
def test_whatever_is_damaged_the_error_is_ours(tmp_path, kind):
    path = tmp_path / "w"
    if kind == "safetensors":
        save_file({"a": WEIGHT, "b": WEIGHT + 1}, path)
    else:
        torch.save({"a": WEIGHT, "b": {"c": WEIGHT}}, path, _use_new_zipfile_serialization=kind == "zip")
    whole = path.read_bytes()
    chance, survived = random.Random(0), 0
    for _ in range(150):
        damaged = bytearray(whole[: chance.choice([len(whole), chance.randrange(1, len(whole))])])
        for _ in range(chance.randrange(4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        # Damage may spare what is read; any other kind of error ends this test.
        with contextlib.suppress(WeightFileError):
            read_tensors(path)
            survived += 1
    assert 0 < survived < 150
