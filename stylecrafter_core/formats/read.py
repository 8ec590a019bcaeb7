"""Weight files to tensors. The only place that opens weights, and no code in a file ever runs."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import WeightFileError
from .contents import (
    DOWNLOAD_AGAIN,
    HEAD_BYTES,
    LONGEST_HEADER,
    Container,
    container_of,
    describe,
    read_error,
    safetensors_size,
    size_of,
)
from .torch_file import load_torch

# A full-size base has 1,800 tensors, two levels deep, with names of up to 100 letters.
MOST_TENSORS = 20_000
DEEPEST = 16
LONGEST_NAME = 1_000
# Several names may share one tensor, but a small file does not spell out a large one.
MOST_SHARED = 4


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

    What is not checked: the values themselves (see `values`), and whether a bit of them was flipped: a check
    sum takes as long again as the whole load.

    Raises:
        WeightFileError: the file is missing, empty, cut off, no weight file, wants to run code, asks for more
            room than it fills, or holds no tensor or an odd one; says which, what was found and what to do.
    """
    path = Path(path)
    head = _first_bytes(path)
    container = container_of(head)
    if container is None:
        found, fix = describe(head)
        raise read_error(path, "is not a weight file", found=f"{found}, {size_of(path)}", fix=fix)
    if container is Container.SAFETENSORS:
        file = _read_safetensors(path, head)
    else:
        file = TensorFile(_flat(_unwrapped(load_torch(path, container), path), path), {})
    if not file.tensors:
        raise read_error(
            path, "holds no tensors", found=f"a readable file of {size_of(path)}", fix="choose a weight file"
        )
    _check_tensors(path, file.tensors)
    return file


def _first_bytes(path: Path) -> bytes:
    try:
        # Opening a pipe would wait for a writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError("it is a folder, a pipe or a device")
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError as missing:
        raise read_error(
            path,
            "does not exist",
            found=_neighbours(path.parent),
            fix="put the file there, or choose another one",
        ) from missing
    except (OSError, ValueError) as problem:  # ValueError: a zero byte in the name
        reason = problem.strerror if isinstance(problem, OSError) else None
        raise read_error(
            path,
            "cannot be opened",
            found=reason or str(problem),
            fix="check that this is a file and that you may read it",
        ) from problem
    if not head:
        raise read_error(path, "is empty", found="0 bytes", fix=DOWNLOAD_AGAIN)
    return head


def _neighbours(folder: Path) -> str:
    if not folder.is_dir():
        return f"no folder {folder} either"
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"in that folder: {', '.join(names[:5])}{more}" if names else "an empty folder"


def _read_safetensors(path: Path, head: bytes) -> TensorFile:
    header_bytes = int.from_bytes(head[:8], "little")
    if header_bytes > LONGEST_HEADER:
        raise _damaged_safetensors(path, f"a header of {header_bytes:,} bytes, more than any weight file has")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            names = file.keys()
            _check_number(path, len(names))
            return TensorFile({name: file.get_tensor(name) for name in names}, file.metadata() or {})
    except (SafetensorError, OSError, ValueError, LookupError, TypeError, RuntimeError) as problem:
        raise _safetensors_error(path, head, problem) from problem


def _safetensors_error(path: Path, head: bytes, problem: Exception) -> WeightFileError:
    with path.open("rb") as stream:
        stream.seek(8)
        header = stream.read(int.from_bytes(head[:8], "little"))
    promised, reason = safetensors_size(head, header), str(problem)[:300]
    if promised is None:
        return _damaged_safetensors(path, f"a header that is cut off or damaged ({reason})")
    if promised != path.stat().st_size:
        return _damaged_safetensors(path, f"where its header promises {promised:,} (cut off?)")
    return _damaged_safetensors(path, f"which safetensors refuses: {reason}")


def _damaged_safetensors(path: Path, found: str) -> WeightFileError:
    return read_error(
        path, "is a damaged safetensors file", found=f"{size_of(path)}, {found}", fix=DOWNLOAD_AGAIN
    )


def _unwrapped(content: Any, path: Path) -> Mapping[Any, Any]:
    if not isinstance(content, Mapping):
        raise read_error(
            path,
            "holds no named tensors",
            found=f"a single {type(content).__name__}",
            fix="save a state dict: torch.save(model.state_dict(), ...)",
        )
    inner = content.get("state_dict")
    return inner if isinstance(inner, Mapping) else content


def _flat(content: Mapping[Any, Any], path: Path) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for number, (name, tensor) in enumerate(_walk(content, path)):
        _check_number(path, number)
        if tensor is not None:
            tensors[name] = tensor
    return tensors


def _walk(content: Mapping[Any, Any], path: Path, prefix: str = "", depth: int = 1) -> Iterator[Any]:
    """(name, tensor) for each tensor at any level, and (name, None) for each level."""
    if depth > DEEPEST or len(prefix) > LONGEST_NAME:
        raise _odd(path, f"dictionaries {depth} levels deep, under names of {len(prefix)} letters")
    yield prefix, None
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _walk(value, path, f"{prefix}{key}.", depth + 1)
        elif isinstance(value, Tensor) and isinstance(key, str | int):
            yield f"{prefix}{key}", value.detach()


def _check_number(path: Path, number: int) -> None:
    if number > MOST_TENSORS:
        raise _odd(path, f"more than {MOST_TENSORS:,} tensors")


def _check_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Each is plain, lies within its storage, and all together are not larger than the file explains."""
    total = 0
    for name, tensor in tensors.items():
        if len(name) > LONGEST_NAME:
            raise _odd(path, f"a tensor whose name has {len(name):,} letters")
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
            raise _odd(path, f"{name}, a tensor that is sparse, quantised or without values")
        if _overlaps(tensor):
            stored = tensor.untyped_storage().nbytes()
            raise _odd(path, f"{name}, a tensor of {tensor.nbytes:,} bytes made out of {stored:,}")
        total += tensor.nbytes
    if total > MOST_SHARED * path.stat().st_size:
        raise _odd(path, f"tensors of {total:,} bytes in a file of {size_of(path)}")


def _overlaps(tensor: Tensor) -> bool:
    """Whether several of its values are one and the same place in the file."""
    reach = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1 and stride < reach:
            return tensor.numel() > 0
        reach += stride * (size - 1)
    return False


def _odd(path: Path, found: str) -> WeightFileError:
    return read_error(
        path,
        "does not look like a file of weights",
        found=found,
        fix="choose another file, or save this one again as a plain state dict",
    )
