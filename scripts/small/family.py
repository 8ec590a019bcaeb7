"""The small family's files in `weights/`: written there, checked, put where a host finds them."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

from stylecrafter_core.errors import InputError
from stylecrafter_core.media.files import written_whole

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
    """Writes the files into the room in float16, and the sums of all that lie there.

    Raises:
        InputError: one of the files is not there; nothing is written then.
    """
    for file, path in made.items():
        if not path.is_file():
            raise InputError(
                f"{file.name} cannot be made.",
                found=f"no file {path}",
                expected="the result of a training",
                fix="run scripts/train_small.py and the commands that its --help names",
            )
    for file, path in made.items():
        with written_whole(room / file.name) as partial:
            _write_half(path, partial)
    present = [room / file.name for file in FAMILY if (room / file.name).is_file()]
    with written_whole(room / SUMS) as partial:
        partial.write_text("".join(f"{sum_of(path)}  {path.name}\n" for path in present), encoding="utf-8")


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
            fix="restore the folder weights/ (git checkout -- weights), or publish your own weights with "
            "scripts/publish_small.py",
        )
    return path


def _sums(room: Path) -> dict[str, str]:
    path = room / SUMS
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines if line.strip())}


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
