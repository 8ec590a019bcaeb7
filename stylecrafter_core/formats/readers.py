"""A weight file to (spec, tensors in our names, report), for every published and own format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from ..families import FAMILIES
from ..families.published import without_prefix
from ..spec import AdapterSpec, TemporalBlockSpec
from ..tensor_names import Shape, Table, to_official, to_ours
from .checks import (
    KeyReport,
    check_values,
    compare,
    expected_adapter_shapes,
    expected_temporal_shapes,
    report_official,
)
from .detect import OWN_TEMPORAL, Kind, check_kind, detect
from .official_temporal import temporal_specs, temporal_table
from .own import own_adapter_spec, own_temporal_specs
from .read import TensorFile, read_tensors
from .video_base import VideoBase, split_video_base

_KEYS = re.compile(r"style_kv\.\d+\.to_k\.weight")


@dataclass(frozen=True)
class AdapterFile:
    """A style adapter: its sizes, its tensors by our names, and what became of every name in the file."""

    spec: AdapterSpec
    tensors: dict[str, Tensor]
    report: KeyReport


@dataclass(frozen=True)
class TemporalFile:
    """Temporal transformers: their sizes in forward order, tensors by our names, and the report."""

    blocks: tuple[TemporalBlockSpec, ...]
    tensors: dict[str, Tensor]
    report: KeyReport


def read_adapter(path: str | Path) -> AdapterFile:
    """The style adapter in a file of any published or own format, recognised by its keys.

    The tensors are in memory of their own: what happens to the file afterwards does not matter.

    Raises:
        WeightFileError: the file cannot be read, is another kind of file, is not complete, or holds values
            that are no weights.
    """
    file = adapter_of(read_tensors(path), str(path))
    return replace(file, tensors={name: tensor.clone() for name, tensor in file.tensors.items()})


def keys_are_zero(file: AdapterFile) -> bool:
    """Whether no style key depends on the style: every style attention is a plain mean."""
    names = [name for name in file.tensors if _KEYS.fullmatch(name)]
    return all(not file.tensors[name].any() for name in names)


def read_temporal(path: str | Path) -> TemporalFile:
    """The temporal transformers in a published nested file or in an own one; raises as `read_adapter`."""
    file = temporal_of(read_tensors(path), str(path))
    return replace(file, tensors={name: tensor.clone() for name, tensor in file.tensors.items()})


def read_video_base(path: str | Path) -> VideoBase:
    """The video base checkpoint in a file; raises as `read_adapter`.

    Its tensors are memory-mapped where the file allows it: copy what outlives the load.
    """
    return video_base_of(read_tensors(path), str(path))


def adapter_of(content: TensorFile, file: str) -> AdapterFile:
    """`read_adapter` on tensors already read, of any device; `file` is shown in messages."""
    kind = detect(content.tensors, content.metadata, file)
    check_kind(kind, "style adapter", file)
    if kind.published is None:
        spec = own_adapter_spec(content.metadata, file)
        return AdapterFile(spec, *_own(expected_adapter_shapes(spec, file), content.tensors, kind, file))
    official = without_prefix(content.tensors)
    spec = kind.published.spec(official, file)
    shapes = expected_adapter_shapes(spec, file)
    ignored = kind.published.ignores(official)
    return AdapterFile(spec, *_official(kind.published.table(spec), shapes, official, kind, file, ignored))


def temporal_of(content: TensorFile, file: str) -> TemporalFile:
    """`read_temporal` on tensors already read, of any device; `file` is shown in messages."""
    kind = detect(content.tensors, content.metadata, file)
    check_kind(kind, "temporal file", file)
    if kind == OWN_TEMPORAL:
        blocks = own_temporal_specs(content.metadata, file)
        return TemporalFile(
            blocks, *_own(expected_temporal_shapes(blocks, file), content.tensors, kind, file)
        )
    blocks = temporal_specs(content.tensors, file)
    shapes = expected_temporal_shapes(blocks, file)
    return TemporalFile(blocks, *_official(temporal_table(blocks), shapes, content.tensors, kind, file))


def video_base_of(content: TensorFile, file: str) -> VideoBase:
    """`read_video_base` on tensors already read, of any device; `file` is shown in messages."""
    kind = detect(content.tensors, content.metadata, file)
    check_kind(kind, "video base checkpoint", file)
    return split_video_base(content.tensors, file)


def adapter_to_official(spec: AdapterSpec, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A style adapter in our names as its family published it, flat and without prefix, bit for bit.

    Raises:
        ValueError: the family has no published format.
    """
    published = FAMILIES[spec.family].published
    if published is None:
        raise ValueError(f"the family {spec.family} has no published format")
    return to_official(published.table(spec), tensors)


def _own(
    shapes: Mapping[str, Shape], tensors: dict[str, Tensor], kind: Kind, file: str
) -> tuple[dict[str, Tensor], KeyReport]:
    report = compare(shapes, tensors)
    report.raise_unless_complete(file, kind.words)
    check_values(tensors, file)
    return tensors, report


def _official(
    table: Table,
    shapes: Mapping[str, Shape],
    official: Mapping[str, Tensor],
    kind: Kind,
    file: str,
    ignored: tuple[str, ...] = (),
) -> tuple[dict[str, Tensor], KeyReport]:
    report = report_official(table, shapes, official, ignored)
    report.raise_unless_complete(file, kind.words)
    check_values({name: official[name] for name in report.loaded}, file)
    return to_ours(table, official), report
