"""A table of names, official ↔ ours, with the few changes of layout. Every row has an inverse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .key_report import KeyReport, Shape, compare


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


def report_official(
    table: Table,
    our_shapes: Mapping[str, Shape],
    official: Mapping[str, Tensor],
    ignored: Iterable[str] = (),
) -> KeyReport:
    """Accounts for tensors in published names, given the shapes wanted in ours; see `compare`."""
    expected = {
        row.official: row.layout.to_official(torch.empty(our_shapes[row.ours], device="meta")).shape
        for row in table
    }
    return compare(expected, official, ignored)


def to_ours(table: Table, official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors in our names and layout; the report must be complete."""
    return {row.ours: row.layout.to_ours(official[row.official]) for row in table}


def to_official(table: Table, ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `to_ours`, bit for bit."""
    return {row.official: row.layout.to_official(ours[row.ours]) for row in table}
