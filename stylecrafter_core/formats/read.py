"""Weight files to tensors. The only place that opens weights, and no code in a file ever runs."""

from __future__ import annotations

import contextlib
import pickle
import re
import struct
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import WeightFileError
from .contents import DOWNLOAD_AGAIN, HEAD_BYTES, Container, container_of, describe, safetensors_size
from .pickle_globals import ZIP_ERRORS, pickle_bytes, wanted_globals

EXPECTED = "tensors in safetensors form, or in a pickle written by torch.save"
# All that torch's restricted unpickler and its zip reader raise on damaged or foreign content.
LOAD_ERRORS = (
    pickle.UnpicklingError,
    RuntimeError,
    AssertionError,
    EOFError,
    OverflowError,
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    struct.error,
)


@dataclass(frozen=True)
class TensorFile:
    """The content of a weight file.

    Attributes:
        tensors: flat, nested names joined with dots; on the CPU, memory-mapped where the file allows it.
        metadata: the text header of a safetensors file, else empty.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, str]


def read_tensors(path: str | Path) -> TensorFile:
    """All tensors of a safetensors or torch file, without running any code from it.

    The content decides what the file is, not its name. A `state_dict` level is unwrapped and nested dicts
    `{block: {name: tensor}}` become `block.name`. Whatever is no tensor is left out.

    Raises:
        WeightFileError: the file is missing, empty, cut off, no weight file, wants to run code, or holds no
            tensor; says which, what was found and what to do.
    """
    path = Path(path)
    head = _first_bytes(path)
    container = container_of(head)
    if container is None:
        found, fix = describe(head)
        raise _error(path, "is not a weight file", found=f"{found}, {_size(path)}", fix=fix)
    if container is Container.SAFETENSORS:
        file = _read_safetensors(path, head)
    else:
        file = TensorFile(dict(_flat(_unwrapped(_load_torch(path, container), path))), {})
    if not file.tensors:
        raise _error(
            path, "holds no tensors", found=f"a readable file of {_size(path)}", fix="choose a weight file"
        )
    return file


def _error(path: Path, problem: str, *, found: str, fix: str) -> WeightFileError:
    return WeightFileError(f"{path} {problem}.", found=found, expected=EXPECTED, fix=fix)


def _size(path: Path) -> str:
    return f"{path.stat().st_size:,} bytes"


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError as missing:
        raise _error(
            path,
            "does not exist",
            found=_neighbours(path.parent),
            fix="put the file there, or choose another one",
        ) from missing
    except OSError as problem:
        raise _error(
            path,
            "cannot be opened",
            found=problem.strerror or str(problem),
            fix="check that this is a file and that you may read it",
        ) from problem
    if not head:
        raise _error(path, "is empty", found="0 bytes", fix=DOWNLOAD_AGAIN)
    return head


def _neighbours(folder: Path) -> str:
    if not folder.is_dir():
        return f"no folder {folder} either"
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"in that folder: {', '.join(names[:5])}{more}" if names else "an empty folder"


def _read_safetensors(path: Path, head: bytes) -> TensorFile:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            names = file.keys()
            return TensorFile({name: file.get_tensor(name) for name in names}, file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as problem:
        raise _safetensors_error(path, head, problem) from problem


def _safetensors_error(path: Path, head: bytes, problem: Exception) -> WeightFileError:
    with path.open("rb") as stream:
        stream.seek(8)
        header = stream.read(min(int.from_bytes(head[:8], "little"), path.stat().st_size))
    promised = safetensors_size(head, header)
    if promised is None:
        found = f"{_size(path)}, a safetensors header that is cut off or damaged ({problem})"
    elif promised != path.stat().st_size:
        found = f"{_size(path)}, where its header promises {promised:,} (cut off?)"
    else:
        found = f"{_size(path)}, which safetensors refuses: {problem}"
    return _error(path, "is a damaged safetensors file", found=found, fix=DOWNLOAD_AGAIN)


def _load_torch(path: Path, container: Container) -> Any:
    if container is Container.TORCH_ZIP:
        _check_zip(path)
    elif tarfile.is_tarfile(path):
        # A tar archive whose first entry is named like a pickle: older torch reads it unrestricted.
        raise _error(path, "is not a weight file", found="a tar archive", fix="choose a weight file")
    try:
        with _inert_classes():
            return torch.load(
                str(path), map_location="cpu", weights_only=True, mmap=container is Container.TORCH_ZIP
            )
    except LOAD_ERRORS as problem:
        raise _pickle_error(path, container, problem) from problem


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except ZIP_ERRORS as problem:
        raise _error(
            path,
            "is cut off or damaged",
            found=f"{_size(path)}, a zip archive without a readable table of contents at its end",
            fix=DOWNLOAD_AGAIN,
        ) from problem
    if not any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        listed = ", ".join(names[:3])
        raise _error(
            path,
            "is not a weight file",
            found=f"a zip archive without torch's data.pkl ({listed}, {len(names)} entries)",
            fix="unpack the archive and choose the weight file in it",
        )


class _ModelCheckpoint:
    """Stands in for the callback class that training frameworks leave in checkpoints; holds nothing."""

    __module__ = "pytorch_lightning.callbacks.model_checkpoint"
    __qualname__ = "ModelCheckpoint"


def _inert_classes() -> AbstractContextManager[Any]:
    # Only its name occurs in such files, as a key beside the weights. Older torch cannot be told.
    allow = getattr(torch.serialization, "safe_globals", None)
    return allow([_ModelCheckpoint]) if allow else contextlib.nullcontext()


def _pickle_error(path: Path, container: Container, problem: Exception) -> WeightFileError:
    wanted = _refused(path, str(problem))
    if wanted:
        return _error(
            path,
            "was refused: it is a pickle that asks for code, not only for tensors. Nothing of it was run",
            found=f"a pickle that wants {', '.join(f'`{name}`' for name in wanted[:5])}",
            fix="look for a safetensors version; do not open this one with other programs",
        )
    reason = str(problem).strip().splitlines()[0][:200] if str(problem).strip() else type(problem).__name__
    return _error(
        path,
        "is cut off, damaged, or no file of torch.save",
        found=f"{_size(path)}, a {container.value} that torch cannot read ({reason})",
        fix=DOWNLOAD_AGAIN,
    )


def _refused(path: Path, message: str) -> tuple[str, ...]:
    """The names that the unpickler refused, from its message or from the pickle's own instructions."""
    named = re.search(r"GLOBAL ([\w.]+\w)", message)
    if named:
        return (named[1],)
    wanted = wanted_globals(pickle_bytes(path))
    return tuple(name for name in wanted if not name.startswith(("torch.", "collections.")))


def _unwrapped(content: Any, path: Path) -> Mapping[Any, Any]:
    if not isinstance(content, Mapping):
        raise _error(
            path,
            "holds no named tensors",
            found=f"a single {type(content).__name__}",
            fix="save a state dict: torch.save(model.state_dict(), ...)",
        )
    inner = content.get("state_dict")
    return inner if isinstance(inner, Mapping) else content


def _flat(content: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    for name, value in content.items():
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value.detach()
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
