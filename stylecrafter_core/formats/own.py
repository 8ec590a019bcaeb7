"""StyleCrafter's own format: safetensors with the spec in the header."""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ..errors import InputError, WeightFileError
from ..families import FAMILIES
from ..families.published import check_adapter_spec
from ..files import written_whole
from ..spec import AdapterSpec, TemporalBlockSpec
from ..tensor_names import MOST_BLOCKS, MOST_SITES, Shape
from .checks import compare, expected_adapter_shapes, expected_temporal_shapes

FORMAT = "stylecrafter"
VERSION = 1
ADAPTER, TEMPORAL = "adapter", "temporal"
RESERVED = ("format", "version", "kind", "spec")
# What the numbers of a spec may be: far beyond any network, and few enough to list every name.
LARGEST_SIZE = 2**20
LONGEST_NAME = 100
MAY_BE_ZERO = ("number", "index", "max_distance")


def save_adapter(
    path: str | Path,
    spec: AdapterSpec,
    tensors: Mapping[str, Tensor],
    extra_metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes a style adapter in our names; the file appears under its name only when it is whole.

    Args:
        path: of the file to write or replace; its folder is made when needed.
        spec: goes into the header.
        tensors: by our names, exactly those of `expected_adapter_shapes(spec)`, on any device.
        extra_metadata: more text for the header (training step, licence, ...).

    Raises:
        WeightFileError: the tensors do not fit the spec, or the file cannot be written.
        InputError: extra metadata uses one of the reserved names.
    """
    _save(Path(path), ADAPTER, spec.to_dict(), expected_adapter_shapes(spec), tensors, extra_metadata or {})


def save_temporal(
    path: str | Path,
    blocks: tuple[TemporalBlockSpec, ...],
    tensors: Mapping[str, Tensor],
    extra_metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes temporal transformers in our names; see `save_adapter`."""
    spec = [asdict(block) for block in blocks]
    _save(Path(path), TEMPORAL, spec, expected_temporal_shapes(blocks), tensors, extra_metadata or {})


def is_own(metadata: Mapping[str, str]) -> bool:
    """Whether a safetensors header is that of our format, of any version."""
    return metadata.get("format") == FORMAT


def own_adapter_spec(metadata: Mapping[str, str], file: str) -> AdapterSpec:
    """The spec in an adapter's header.

    Raises:
        WeightFileError: a newer version, or a header that does not describe an adapter.
    """
    data = _spec_data(metadata, file)
    try:
        spec = AdapterSpec.from_dict(data)
        _check_fields(spec)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise _bad_header(file, f"a spec that is no adapter's ({problem})") from problem
    if spec.family not in FAMILIES:
        raise _bad_header(file, f"family {spec.family[:100]!r}, unknown here")
    return check_adapter_spec(spec, file)


def own_temporal_specs(metadata: Mapping[str, str], file: str) -> tuple[TemporalBlockSpec, ...]:
    """The specs in a temporal file's header; raises as `own_adapter_spec`."""
    data = _spec_data(metadata, file)
    try:
        blocks = tuple(TemporalBlockSpec(**block) for block in data)
        if len(blocks) > MOST_SITES:
            raise ValueError(f"{len(blocks)} of them")
        for block in blocks:
            _check_fields(block)
    except (TypeError, ValueError, AttributeError) as problem:
        raise _bad_header(file, f"a spec that is no list of temporal transformers ({problem})") from problem
    return blocks


def _check_fields(record: Any) -> None:
    """Raise TypeError or ValueError unless the fields of a spec are of their types, and numbers sensible."""
    types = get_type_hints(type(record))
    for field in fields(record):
        value = getattr(record, field.name)
        allowed = get_args(types[field.name]) or (types[field.name],)
        for part in value if isinstance(value, tuple) else (value,):
            if is_dataclass(part):
                _check_fields(part)
            elif isinstance(value, tuple) or (int in allowed and part is not None):
                _check_size(field.name, part)
            elif type(part) not in allowed:
                raise TypeError(f"{field.name} is a {type(part).__name__}")
            elif isinstance(part, float) and not 0.0 <= part < 1.0:
                raise ValueError(f"{field.name} {part}")
            elif isinstance(part, str) and len(part) > LONGEST_NAME:
                raise ValueError(f"{field.name} {part[:100]}...")


def _check_size(name: str, value: Any) -> None:
    lowest = 0 if name in MAY_BE_ZERO else 1
    highest = MOST_BLOCKS if name == "depth" else LARGEST_SIZE
    if type(value) is not int or not lowest <= value <= highest:
        raise ValueError(f"{name} {str(value)[:100]}")


def _spec_data(metadata: Mapping[str, str], file: str) -> Any:
    version = metadata.get("version", "")
    if not re.fullmatch(r"\d{1,9}", version):
        raise _bad_header(file, f"version {version[:100]!r}")
    if int(version) > VERSION:
        raise WeightFileError(
            f"{file} was saved by a newer StyleCrafter.",
            found=f"version {version} of the format",
            expected=f"version {VERSION} or older",
            fix="update StyleCrafter, or save the file again with this version",
        )
    try:
        return json.loads(metadata["spec"])
    except (KeyError, ValueError, RecursionError) as problem:
        raise _bad_header(file, "no readable spec") from problem


def _bad_header(file: str, found: str) -> WeightFileError:
    return WeightFileError(
        f"The header of {file} cannot be understood.",
        found=found,
        expected=f"a header as StyleCrafter writes it: {', '.join(RESERVED)}",
        fix="use the file as it was saved; tools that rewrite headers may have changed it",
    )


def _save(
    path: Path,
    kind: str,
    spec: Any,
    shapes: Mapping[str, Shape],
    tensors: Mapping[str, Tensor],
    extra: Mapping[str, str],
) -> None:
    taken = sorted(set(extra) & set(RESERVED))
    if taken:
        raise InputError(
            f"Extra metadata for {path} uses reserved names.",
            found=", ".join(taken),
            expected=f"names other than {', '.join(RESERVED)}",
            fix="rename them",
        )
    compare(shapes, tensors).raise_unless_complete(
        f"What was to be saved as {path}", f"set of {kind} tensors"
    )
    header = {"format": FORMAT, "version": str(VERSION), "kind": kind, "spec": json.dumps(spec), **extra}
    _write(path, {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, header)


def _write(path: Path, tensors: dict[str, Tensor], header: dict[str, str]) -> None:
    try:
        with written_whole(path) as partial:
            partial.touch()
            mode = partial.stat().st_mode
            save_file(tensors, partial, metadata=header)
            _sort_metadata(partial)
            # safetensors leaves files that only their owner may read, whatever the user's umask says.
            partial.chmod(mode)
            _flush(partial)
    except (OSError, SafetensorError) as problem:
        raise WeightFileError(
            f"{path} could not be written.",
            found=str(problem),
            expected="a folder that may be written to, with room for "
            f"{sum(tensor.nbytes for tensor in tensors.values()):,} bytes",
            fix="free some room or choose another folder; whatever was there before is unchanged",
        ) from problem


def _sort_metadata(path: Path) -> None:
    """The library writes metadata in a random order: sorted, the same content gives the same bytes."""
    with path.open("r+b") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) > length:
            raise RuntimeError(f"the sorted header of {path} takes {len(text)} bytes instead of {length}")
        stream.seek(8)
        stream.write(text.ljust(length))


def _flush(path: Path) -> None:
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())
