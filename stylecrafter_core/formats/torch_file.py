"""Files of torch.save: everything that they ask for is looked at first, then torch loads them."""

from __future__ import annotations

import contextlib
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from io import SEEK_CUR, BytesIO
from pathlib import Path
from typing import IO, Any

import torch

from ..errors import WeightFileError
from .contents import DOWNLOAD_AGAIN, Container, read_error, size_of
from .pickle_scan import MOST_BYTES, Scan, TooMuchError, scan_pickles, texts_of_pickle

# All that torch's restricted unpickler and its zip reader raise on damaged or foreign content.
LOAD_ERRORS = (
    pickle.UnpicklingError,
    RuntimeError,
    AssertionError,
    EOFError,
    ArithmeticError,
    OSError,
    LookupError,
    MemoryError,
    ValueError,
    TypeError,
    AttributeError,
    struct.error,
)
# All that the standard library raises on archives that are damaged, or none.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    OSError,
    RuntimeError,
    EOFError,
    ValueError,
    OverflowError,
    struct.error,
    zlib.error,
)
# The older form is four pickles in a row: magic number, protocol, system, content. A list of keys follows,
# then the storage of each key behind its length.
OLDER_PICKLES = 4
LENGTH_BYTES = 8
# What a pickle of weights calls. Everything here makes what its arguments hold, and no more.
CALLS = frozenset(
    {
        "collections.OrderedDict",
        "collections.Counter",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_tensor_v3",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_parameter_with_state",
        "torch._tensor._rebuild_from_type_v2",
        "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout",
        "torch.Size",
        "torch.device",
        "_codecs.encode",
        "__builtin__.set",
        "builtins.set",
        "__builtin__.complex",
        "builtins.complex",
    }
)
# What torch would make of it is no plain tensor.
ODD_TENSORS = {
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils._rebuild_qtensor": "a quantised tensor",
    "torch._utils._rebuild_nested_tensor": "a nested tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "a tensor without values (of the meta device)",
}
HARMLESS_IMPORTS = (*CALLS, "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint")
ELEMENT_BYTES = {
    **dict.fromkeys(("Half", "BFloat16", "Short"), 2),
    **dict.fromkeys(("Float", "Int", "QInt32"), 4),
    **dict.fromkeys(("Double", "Long", "ComplexFloat"), 8),
    "ComplexDouble": 16,
}


def load_torch(path: Path, container: Container) -> Any:
    """The content of a file of torch.save, memory-mapped where its form allows it.

    Raises:
        WeightFileError: it is damaged, asks for more than tensors, or asks for more room than it fills.
    """
    if container is Container.TORCH_ZIP:
        _check_archive(path)
    else:
        _check_older(path)
    try:
        with _inert_classes():
            return torch.load(
                str(path), map_location="cpu", weights_only=True, mmap=container is Container.TORCH_ZIP
            )
    except LOAD_ERRORS as problem:
        raise _damaged(path, container, problem) from problem


class _ModelCheckpoint:
    """Stands in for the callback class that training frameworks leave in checkpoints; holds nothing."""

    __module__ = "pytorch_lightning.callbacks.model_checkpoint"
    __qualname__ = "ModelCheckpoint"


def _inert_classes() -> AbstractContextManager[Any]:
    # Only its name occurs in such files, as a key beside the weights. Older torch cannot be told.
    allow = getattr(torch.serialization, "safe_globals", None)
    return allow([_ModelCheckpoint]) if allow else contextlib.nullcontext()


def _check_archive(path: Path) -> None:
    """The zip form: each storage is an entry, stored as it is, of exactly the size that the pickle says."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            name = next((n for n in entries if n == "data.pkl" or n.endswith("/data.pkl")), None)
            if name is None:
                raise _not_of_torch(path, list(entries))
            if entries[name].file_size > MOST_BYTES:
                raise _too_much(path, f"a pickle of {entries[name].file_size:,} bytes")
            data = archive.read(name)
    except ZIP_ERRORS as problem:
        raise read_error(
            path,
            "is cut off or damaged",
            found=f"{size_of(path)}, a zip archive that cannot be read to its end ({problem})",
            fix=DOWNLOAD_AGAIN,
        ) from problem
    scan = _scanned(path, Container.TORCH_ZIP, BytesIO(data), pickles=1)
    _check_entries(path, entries, name.removesuffix("data.pkl"), scan)


def _check_entries(path: Path, entries: Mapping[str, zipfile.ZipInfo], folder: str, scan: Scan) -> None:
    for key, (kind, elements) in scan.storages.items():
        entry = entries.get(f"{folder}data/{key}")
        promised = elements * element_bytes(kind)
        if entry is not None and entry.compress_type != zipfile.ZIP_STORED:
            raise read_error(
                path,
                "was packed again by another program",
                found=f"the entry {entry.filename} is compressed; torch stores weights as they are",
                fix=DOWNLOAD_AGAIN,
            )
        if entry is None or entry.file_size != promised:
            there = "is missing" if entry is None else f"has {entry.file_size:,} bytes"
            raise read_error(
                path,
                "is damaged: it does not hold the weights that it lists",
                found=f"the entry {folder}data/{key} {there}, where {promised:,} bytes are promised",
                fix=DOWNLOAD_AGAIN,
            )


def _check_older(path: Path) -> None:
    """The older form: pickles, a list of keys, then each key's storage, and the file ends."""
    if tarfile.is_tarfile(path):
        # A tar archive whose first entry is named like a pickle: older torch reads it unrestricted.
        raise read_error(path, "is not a weight file", found="a tar archive", fix="choose a weight file")
    with path.open("rb") as stream:
        pickles = BytesIO(stream.read(MOST_BYTES))
        scan = _scanned(path, Container.PICKLE, pickles, OLDER_PICKLES)
        _check_promise(path, sum(elements * element_bytes(kind) for kind, elements in scan.storages.values()))
        keys = _listed_keys(path, pickles)
        stream.seek(pickles.tell())
        _check_storages(path, stream, keys, scan)


def _check_promise(path: Path, promised: int) -> None:
    """Before the file is looked at more closely: what is asked for is no larger than the file."""
    if promised > path.stat().st_size:
        raise read_error(
            path,
            "is cut off or damaged",
            found=f"{size_of(path)}, where its pickle promises {promised:,} bytes of weights",
            fix=DOWNLOAD_AGAIN,
        )


def _listed_keys(path: Path, stream: IO[bytes]) -> list[str]:
    """The keys of the storages, in the order in which they follow."""
    try:
        return texts_of_pickle(stream)
    except TooMuchError as problem:
        raise _too_much(path, str(problem)) from problem
    except ValueError as problem:
        raise _damaged(path, Container.PICKLE, problem) from problem


def _check_storages(path: Path, stream: IO[bytes], keys: list[str], scan: Scan) -> None:
    wrong = _wrong_storages(stream, keys, scan)
    if wrong is None and stream.tell() != path.stat().st_size:
        wrong = f"another end than the {stream.tell():,} bytes that its pickle promises"
    if wrong is not None:
        raise read_error(
            path,
            "is damaged: it does not hold the weights that it lists",
            found=f"{size_of(path)}, with {wrong}",
            fix=DOWNLOAD_AGAIN,
        )


def _wrong_storages(stream: IO[bytes], keys: list[str], scan: Scan) -> str | None:
    """What is wrong with the storages from here on; torch would believe any length that they give."""
    if sorted(keys) != sorted(scan.storages):
        return f"{len(keys):,} storages listed, which are not the {len(scan.storages):,} that its pickle uses"
    for key in keys:
        kind, elements = scan.storages[key]
        if int.from_bytes(stream.read(LENGTH_BYTES), "little") != elements:
            return f"a storage {key[:100]} of another length than the {elements:,} elements promised"
        stream.seek(elements * element_bytes(kind), SEEK_CUR)
    return None


def element_bytes(storage_class: str) -> int:
    """Bytes of one element of a storage class ("torch.FloatStorage"); an untyped one counts bytes."""
    return ELEMENT_BYTES.get(storage_class.rpartition(".")[2].removesuffix("Storage"), 1)


def _scanned(path: Path, container: Container, stream: IO[bytes], pickles: int) -> Scan:
    """The scan of a file's pickles, if they ask for nothing but plain tensors."""
    scan = Scan()
    try:
        scan_pickles(stream, pickles, scan)
    except TooMuchError as problem:
        raise _too_much(path, str(problem)) from problem
    except (ValueError, LookupError, TypeError) as problem:
        _check_wanted(path, scan)  # what a damaged pickle wanted says more than where it ends
        raise _damaged(path, container, problem) from problem
    _check_wanted(path, scan)
    return scan


def _check_wanted(path: Path, scan: Scan) -> None:
    odd = [kind for name, kind in ODD_TENSORS.items() if name in scan.calls]
    if odd:
        raise read_error(
            path,
            f"holds {odd[0]}, where plain ones are expected",
            found=odd[0],
            fix="save it again with plain tensors: tensor.to_dense() or tensor.dequantize(), on the CPU",
        )
    code = [name for name in scan.calls if name not in CALLS]
    code += [
        name
        for name in scan.imports
        if name not in HARMLESS_IMPORTS
        and not name.startswith(("torch.", "collections."))
        and name not in code
    ]
    if code:
        raise read_error(
            path,
            "was refused: it is a pickle that asks for code, not only for tensors. Nothing of it was run",
            found=f"a pickle that wants {', '.join(f'`{name[:100]}`' for name in code[:5])}",
            fix="look for a safetensors version; do not open this one with other programs",
        )


def _too_much(path: Path, what: str) -> WeightFileError:
    return read_error(
        path,
        "asks for more than any weight file does; it was not loaded",
        found=f"{size_of(path)}, with {what}",
        fix="choose another file; do not open this one with other programs",
    )


def _not_of_torch(path: Path, names: list[str]) -> WeightFileError:
    return read_error(
        path,
        "is not a weight file",
        found=f"a zip archive without torch's data.pkl ({', '.join(names[:3])}, {len(names)} entries)",
        fix="unpack the archive and choose the weight file in it",
    )


def _damaged(path: Path, container: Container, problem: Exception) -> WeightFileError:
    reason = str(problem).strip().splitlines()[0][:200] if str(problem).strip() else type(problem).__name__
    return read_error(
        path,
        "is cut off, damaged, or no file of torch.save",
        found=f"{size_of(path)}, a {container.value} that torch cannot read ({reason})",
        fix=DOWNLOAD_AGAIN,
    )
