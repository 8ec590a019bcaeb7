"""The small family's files in `weights/`: written there, checked, put where a host finds them."""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

from stylecrafter_core.errors import InputError
from stylecrafter_core.files import written_whole

from .precision import in_half

ROOM = Path(__file__).resolve().parents[2] / "weights"
SUMS = "SHA256SUMS"  # in the form that `sha256sum --check` reads


@dataclass(frozen=True)
class FamilyFile:
    """One weight file: its name, its folder under the host's models/, the loader input that takes it."""

    name: str
    folder: str
    input_name: str


BASE = FamilyFile("stylecrafter_small.safetensors", "checkpoints", "ckpt_name")
IMAGE_ENCODER = FamilyFile("stylecrafter_small_clip_vision.safetensors", "clip_vision", "encoder_name")
ADAPTER = FamilyFile("stylecrafter_small_adapter.safetensors", "stylecrafter", "adapter_name")
TEMPORAL = FamilyFile("stylecrafter_small_temporal.safetensors", "stylecrafter", "temporal_name")
FAMILY = (BASE, IMAGE_ENCODER, ADAPTER, TEMPORAL)


def publish(made: dict[FamilyFile, Path], room: Path = ROOM) -> None:
    """Writes the files into the room in float16, and their sums; the sums of other files stay as they are.

    Raises:
        InputError: one of the files is not there, or another one in the room is not the one that the room's
            sums name; nothing is written then.
    """
    sums = _sums(room)
    for file in FAMILY:
        if file not in made and (file.name in sums or (room / file.name).is_file()):
            check(file, room)
    for file, path in made.items():
        if not path.is_file():
            raise InputError(
                f"{file.name} cannot be made.",
                found=f"no file {path}",
                expected="the result of a training",
                fix="run lab/train_small.py and the commands that its --help names",
            )
    for file, path in made.items():
        with written_whole(room / file.name) as partial:
            _write_half(path, partial)
        sums[file.name] = sum_of(room / file.name)
    with written_whole(room / SUMS) as partial:
        partial.write_text("".join(f"{digest}  {name}\n" for name, digest in sums.items()), encoding="utf-8")


def place(models: Path, room: Path = ROOM) -> dict[str, str]:
    """Copies the whole family into a host's models folder, and returns loader input → file name.

    Raises:
        InputError: a file is missing in the room, or is not the one that the room's sums name.
    """
    for file in FAMILY:
        check(file, room)
        target = models / file.folder / file.name
        with written_whole(target) as partial:
            shutil.copyfile(room / file.name, partial)
    return {file.input_name: file.name for file in FAMILY}


def check(file: FamilyFile, room: Path = ROOM) -> Path:
    """The file's path in the room.

    Raises:
        InputError: it is missing, or is not the one that the room's sums name.
    """
    path, expected = room / file.name, _sums(room).get(file.name)
    found = sum_of(path) if path.is_file() else "no file"
    if expected is None or found != expected:
        raise InputError(
            f"{path} is not the published weight file.",
            found=f"SHA-256 {found}" if path.is_file() else found,
            expected=f"SHA-256 {expected}" if expected else f"a line for {file.name} in {room / SUMS}",
            fix="restore the folder weights/ (git checkout -- weights), or publish your own weights, also "
            f"the one for {file.name}, with lab/publish_small.py",
        )
    return path


def _sums(room: Path) -> dict[str, str]:
    """File name → SHA-256, by the room's sums."""
    path = room / SUMS
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    lines = enumerate(text.splitlines(), start=1)
    return dict(_sum_in(path, number, line) for number, line in lines if line.strip())


def _sum_in(path: Path, number: int, line: str) -> tuple[str, str]:
    found = re.fullmatch(r"([0-9a-f]{64}) [ *](\S.*)", line)
    if found is None:
        raise InputError(
            f"Line {number} of {path} is not a checksum.",
            found=f"{line!r:.100}",
            expected="64 hexadecimal digits (0-9, a-f), two spaces, the name of a file",
            fix="restore the file (git checkout -- weights/SHA256SUMS), or remove it and publish all files "
            "with lab/publish_small.py",
        )
    return found[2], found[1]


def sum_of(path: Path) -> str:
    """A file's SHA-256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_half(source: Path, target: Path) -> None:
    """`in_half`, with the header's words and the source's permissions: safetensors makes private files."""
    with safe_open(source, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    save_file(in_half(tensors), target, metadata)
    shutil.copymode(source, target)
