"""`train.py inspect`: what is in a weight file, in words; a file that lacks something is described, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from torch import Tensor

from ...columns import facts
from ...families.published import without_prefix
from ...tensor_names import Row, Shape, Table
from .. import (
    KeyReport,
    TensorFile,
    detect,
    expected_adapter_shapes,
    expected_temporal_shapes,
    read_tensors,
)
from ..checks import report_official
from ..detect import OWN_TEMPORAL, Kind, Part
from ..official_temporal import temporal_specs, temporal_table
from ..own import RESERVED, own_adapter_spec, own_temporal_specs
from ..readers import video_base_of
from .weight_parts import adapter_sections, base_sections, temporal_sections

NAMED_AT_MOST = 12
LONGEST_TEXT = 200  # characters of one entry of the header


def inspect_file(file: Path) -> str:
    """Kind, sizes, parameters in millions per part, number types, header, and what became of every name.

    Sections are separated by empty lines. A file that is not complete is described as far as it goes.

    Raises:
        WeightFileError: the file cannot be read, is of no kind that is known here (the message says what it
            seems to be), or lacks the tensors that its sizes are read from.
    """
    content = read_tensors(file)
    kind = detect(content.tensors, content.metadata, file)
    sections, report = _DESCRIBE[kind.part](content, kind, str(file))
    first = facts(
        [("file", str(file)), ("kind", kind.words), ("size", f"{file.stat().st_size / 1e6:,.1f} MB")]
    )
    header = _header(content.metadata)
    return "\n\n".join([first, *sections, *([header] if header else []), _names(report)])


def _adapter(content: TensorFile, kind: Kind, file: str) -> tuple[list[str], KeyReport]:
    beside: tuple[str, ...]
    if kind.published is None:
        spec, tensors = own_adapter_spec(content.metadata, file), content.tensors
        shapes = expected_adapter_shapes(spec)
        names, beside = _unchanged(shapes), ()
    else:
        tensors = without_prefix(content.tensors)
        spec = kind.published.spec(tensors, file)
        shapes = expected_adapter_shapes(spec)
        names, beside = kind.published.table(spec), kind.published.ignores(tensors)
    report = report_official(names, shapes, tensors, beside)
    return adapter_sections(spec, _wanted(names, tensors)), report


def _temporal(content: TensorFile, kind: Kind, file: str) -> tuple[list[str], KeyReport]:
    own = kind == OWN_TEMPORAL
    blocks = own_temporal_specs(content.metadata, file) if own else temporal_specs(content.tensors, file)
    shapes = expected_temporal_shapes(blocks)
    names = _unchanged(shapes) if own else temporal_table(blocks)
    sections = temporal_sections(blocks, _wanted(names, content.tensors))
    return sections, report_official(names, shapes, content.tensors)


def _base(content: TensorFile, kind: Kind, file: str) -> tuple[list[str], KeyReport]:
    base = video_base_of(content, file)
    later = "The U-Net's other tensors, text encoder and VAE are compared with the host's when it loads them."
    return [*base_sections(base), later], base.report


_DESCRIBE: dict[Part, Callable[[TensorFile, Kind, str], tuple[list[str], KeyReport]]] = {
    "video base checkpoint": _base,
    "style adapter": _adapter,
    "temporal file": _temporal,
}


def _unchanged(names: Iterable[str]) -> Table:
    return tuple(Row(name, name) for name in names)


def _wanted(table: Table, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {row.ours: tensors[row.official] for row in table if row.official in tensors}


def _header(metadata: Mapping[str, str]) -> str:
    entries = [(name, _one_line(text)) for name, text in sorted(metadata.items()) if name not in RESERVED]
    return "header\n" + facts(entries) if entries else ""


def _one_line(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain if len(plain) <= LONGEST_TEXT else f"{plain[:LONGEST_TEXT]} ..."


def _names(report: KeyReport) -> str:
    """What became of every tensor name, and the names of those that do not simply fit."""
    wrong = [f"{name} {_shape(found)}, wanted {_shape(wanted)}" for name, found, wanted in report.wrong_shape]
    lines = [f"tensor names: {report.summary()}"]
    for words, names in (
        ("missing", report.missing),
        ("unexpected", report.unexpected),
        ("of wrong shape", wrong),
        ("ignored", report.ignored),
    ):
        if names:
            more = [f"... and {len(names) - NAMED_AT_MOST} more"] if len(names) > NAMED_AT_MOST else []
            lines += [f"{words}:", *(f"  {name}" for name in [*map(_one_line, names[:NAMED_AT_MOST]), *more])]
    if not report.complete:
        lines.append("NOT COMPLETE: nodes and trainer refuse this file")
    return "\n".join(lines)


def _shape(shape: Shape) -> str:
    return "×".join(map(str, shape)) or "a single number"
