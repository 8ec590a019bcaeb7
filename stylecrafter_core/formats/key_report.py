"""Accounts for every tensor of a weight file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import WeightFileError
from ..tensor_names import Shape, Table

NAMED_AT_MOST = 4
LONGEST_SHOWN = 200  # letters of a name


@dataclass(frozen=True)
class KeyReport:
    """What became of every tensor name, in the file's own naming.

    Attributes:
        loaded: present, wanted, of the right shape.
        missing: wanted, not in the file.
        unexpected: in the file, not wanted.
        wrong_shape: (name, shape in the file, shape wanted).
        ignored: in the file, left out on purpose (schedule buffers of a base checkpoint).
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    wrong_shape: tuple[tuple[str, Shape, Shape], ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Every wanted tensor is there in the right shape, and nothing else is."""
        return not (self.missing or self.unexpected or self.wrong_shape)

    def summary(self) -> str:
        """One line of counts."""
        return (
            f"{len(self.loaded)} loaded, {len(self.missing)} missing, {len(self.unexpected)} unexpected, "
            f"{len(self.wrong_shape)} of wrong shape, {len(self.ignored)} ignored"
        )

    def raise_unless_complete(self, file: str | Path, what: str) -> None:
        """Raise WeightFileError, naming the first few tensors of each kind, unless `complete`.

        Args:
            file: shown in the message.
            what: what the file should be, as "video style adapter".
        """
        if self.complete:
            return
        shapes = [
            f"{name} is {list(found)}, expected {list(wanted)}" for name, found, wanted in self.wrong_shape
        ]
        parts = (("missing", self.missing), ("unexpected", self.unexpected), ("of wrong shape", shapes))
        raise WeightFileError(
            f"{file} does not hold exactly one complete {what}.",
            found="; ".join(
                [f"{len(self.loaded)} tensors that fit", *(_counted(k, n) for k, n in parts if n)]
            ),
            expected=f"{len(self.loaded) + len(self.missing) + len(self.wrong_shape)} tensors and no others",
            fix="choose the published file, or one that this version of StyleCrafter has saved",
        )


def _counted(kind: str, names: Sequence[str]) -> str:
    more = ", ..." if len(names) > NAMED_AT_MOST else ""
    return f"{len(names)} {kind}: {', '.join(name[:LONGEST_SHOWN] for name in names[:NAMED_AT_MOST])}{more}"


def compare(
    expected_shapes: Mapping[str, Sequence[int]], found: Mapping[str, Tensor], ignored: Iterable[str] = ()
) -> KeyReport:
    """The report of tensors `found` against `{name: shape}` wanted. Tensors on the meta device are fine."""
    left_out = set(ignored)
    present = {name: tuple(tensor.shape) for name, tensor in found.items() if name not in left_out}
    wanted = {name: tuple(shape) for name, shape in expected_shapes.items()}
    return KeyReport(
        loaded=tuple(name for name, shape in wanted.items() if present.get(name) == shape),
        missing=tuple(name for name in wanted if name not in present),
        unexpected=tuple(name for name in present if name not in wanted),
        wrong_shape=tuple(
            (name, present[name], shape)
            for name, shape in wanted.items()
            if name in present and present[name] != shape
        ),
        ignored=tuple(name for name in found if name in left_out),
    )


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
