"""Names of tensors in weight files: sizes read off them, tables official ↔ ours whose rows have inverses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from .errors import WeightFileError

Shape = tuple[int, ...]
MOST_BLOCKS = 100
MOST_SITES = 1000  # text cross-attentions, and temporal transformers


@dataclass(frozen=True)
class Layout:
    """How a published tensor is laid out, relative to ours. Both directions keep every bit."""

    to_ours: Callable[[Tensor], Tensor]
    to_official: Callable[[Tensor], Tensor]


SAME = Layout(lambda t: t, lambda t: t)
TRANSPOSED = Layout(lambda t: t.mT.contiguous(), lambda t: t.mT.contiguous())
LEADING_ONE = Layout(lambda t: t.squeeze(0), lambda t: t.unsqueeze(0))
TRAILING_ONE = Layout(lambda t: t.squeeze(-1), lambda t: t.unsqueeze(-1))


@dataclass(frozen=True)
class Row:
    """One tensor: its published name, its name here, and how the published one is laid out."""

    official: str
    ours: str
    layout: Layout = SAME


Table = tuple[Row, ...]


def same_parameters(official: str, ours: str, parameters: Sequence[str] = ("weight", "bias")) -> Table:
    """Rows of one module whose parameters keep their names."""
    return tuple(Row(f"{official}.{name}", f"{ours}.{name}") for name in parameters)


def to_ours(table: Table, official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors in our names and layout; the report must be complete."""
    return {row.ours: row.layout.to_ours(official[row.official]) for row in table}


def to_official(table: Table, ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `to_ours`, bit for bit."""
    return {row.official: row.layout.to_official(ours[row.ours]) for row in table}


def shape_of(tensors: Mapping[str, Tensor], name: str, dimensions: tuple[int, ...], file: str) -> Shape:
    """The shape of the tensor `name`, which must be there, hold something and have so many dimensions."""
    tensor = tensors.get(name)
    if tensor is not None and tensor.ndim in dimensions and tensor.numel():
        return tuple(tensor.shape)
    raise WeightFileError(
        f"{file} lacks a tensor that its sizes are read from.",
        found=f"{name} is missing" if tensor is None else f"{name} of shape {list(tensor.shape)}",
        expected=f"{name} with {' or '.join(map(str, dimensions))} dimensions, none of them 0",
        fix="choose a complete file, as published",
    )


def count_numbered(names: Iterable[str], before: str, file: str) -> int:
    """How many blocks there are whose names go `before`, a number, a dot: all from 0 on.

    Raises:
        WeightFileError: a number is left out, or there are more than any network has.
    """
    pattern = re.compile(re.escape(before) + r"(\d+)\.")
    found = {match[1] for name in names if (match := pattern.match(name))}
    missing = [number for number in range(len(found)) if str(number) not in found]
    if not missing and len(found) <= MOST_BLOCKS:
        return len(found)
    raise WeightFileError(
        f"{file} does not hold a network whose blocks can be counted.",
        found=f"{len(found)} blocks named {before}<number>"
        + (f", but no {before}{missing[0]}" if missing else ""),
        expected=f"at most {MOST_BLOCKS} blocks, numbered without a gap from 0 on",
        fix="choose a complete file, as published",
    )
