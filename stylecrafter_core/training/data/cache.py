"""Latents and text states on disk, so that frozen encoders run once: safetensors files of many entries.

A cache folder belongs to one base: `cache.json` names the fingerprints of its VAE and of its text encoder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ...errors import InputError, WeightFileError
from ...files import remove_partial, written_whole
from .manifest import Item
from .plan import Size

ENTRIES_PER_FILE = 512
ABOUT = "cache.json"


class TensorStore:
    """Tensors by name in numbered safetensors files.

    Args:
        folder: where they are; need not exist.
        kind: the start of the files' names.
    """

    def __init__(self, folder: Path, kind: str):
        self.folder, self.kind = folder, kind
        self._places: dict[str, Path] = {}
        for file in sorted(folder.glob(f"{kind}-*.safetensors")):
            self._places |= dict.fromkeys(_names(file), file)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def get(self, name: str) -> Tensor | None:
        """The tensor of that name, or None."""
        place = self._places.get(name)
        return None if place is None else _open(place).get_tensor(name)

    def add(self, tensors: Mapping[str, Tensor]) -> None:
        """Write one more file, whole or not at all.

        Raises:
            WeightFileError: the disk refuses.
        """
        taken = {file.name for file in self.folder.glob(f"{self.kind}-*.safetensors")}
        number = next(n for n in range(len(taken) + 1) if self._name(n) not in taken)
        file = self.folder / self._name(number)
        try:
            with written_whole(file) as partial:
                save_file(dict(tensors), partial)
        except (OSError, SafetensorError) as problem:
            raise WeightFileError(
                f"The cache file {file} cannot be written.",
                found=str(problem),
                expected="a folder that can be written to, with room for "
                f"{sum(tensor.nbytes for tensor in tensors.values()):,} bytes",
                fix="free some room and run `train.py cache` again: it goes on where it stopped",
            ) from problem
        self._places |= dict.fromkeys(tensors, file)

    def _name(self, number: int) -> str:
        return f"{self.kind}-{number:05}.safetensors"


class LatentCache(TensorStore):
    """Latents of pictures and clips, float16, by the file's hash, the target's size and a clip's frames."""

    def __init__(self, folder: Path):
        super().__init__(folder, "latents")

    @staticmethod
    def name(item: Item, size: Size) -> str:
        """The entry of a picture."""
        return f"{item.sha256}-{size[0]}x{size[1]}"

    @staticmethod
    def name_of_clip(item: Item, size: Size, frames: int, stride: int) -> str:
        """The entry of a video that is one clip."""
        return f"{LatentCache.name(item, size)}-{frames}x{stride}"


class TextCache:
    """Text tokens (float16) and pooled text by caption."""

    def __init__(self, folder: Path):
        self.tokens, self.pooled = TensorStore(folder, "text"), TensorStore(folder, "pooled")

    @staticmethod
    def name(caption: str) -> str:
        """The entry of a caption."""
        return hashlib.sha256(caption.encode()).hexdigest()[:32]

    def of(self, caption: str) -> tuple[Tensor, Tensor | None] | None:
        """[1, N, D] tokens and [1, P] pooled text in float32, or None where the caption is not there."""
        tokens, pooled = self.tokens.get(self.name(caption)), self.pooled.get(self.name(caption))
        return None if tokens is None else (tokens.float(), None if pooled is None else pooled.float())


def check_owner(folder: Path, owner: Mapping[str, str]) -> None:
    """Raise InputError unless the folder is a cache of this base.

    Args:
        owner: the base's fingerprints, see `fingerprint_of`.
    """
    try:
        found: Any = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise InputError(
            f"{folder} is not a cache.",
            found=f"no readable {ABOUT} in it",
            expected="a folder made by `train.py cache`",
            fix="run `train.py cache` with this config first, or leave out data.cache",
        ) from problem
    if found != dict(owner):
        raise InputError(
            f"The cache {folder} was made with another base.",
            found=str(found),
            expected=str(dict(owner)),
            fix="make a cache for this base in another folder",
        )


def claim(folder: Path, owner: Mapping[str, str]) -> None:
    """Make the folder a cache of this base, or check that it is one; what a killed command left half goes."""
    if not (folder / ABOUT).exists():
        with written_whole(folder / ABOUT) as partial:
            partial.write_text(json.dumps(dict(owner)), encoding="utf-8")
    check_owner(folder, owner)
    remove_partial(folder)


def fingerprint_of(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 (first 16 hex digits) over every value, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def _names(file: Path) -> list[str]:
    try:
        with safe_open(file, "pt") as opened:
            return list(opened.keys())
    except SafetensorError as problem:
        raise WeightFileError(
            f"The cache file {file} cannot be read.",
            found=str(problem),
            fix="delete it and run `train.py cache`",
        ) from problem


@cache  # mapped, not held open: there may be thousands
def _open(file: Path) -> Any:
    return safe_open(file, "pt")
