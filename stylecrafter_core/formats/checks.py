"""Accounts for every tensor of a weight file: its name, its shape, its values.

The shapes wanted are those of the networks themselves, built without storage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from ..adapter import StyleAdapter
from ..errors import WeightFileError
from ..spec import AdapterSpec, TemporalBlockSpec
from ..temporal import TemporalTransformer
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


class _Unfilled:
    """A layer that draws no starting values."""

    def reset_parameters(self) -> None:
        """Nothing: there is no storage to fill."""


_KINDS = (nn.Linear, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.Embedding)
LAYERS = SimpleNamespace(**{kind.__name__: type(kind.__name__, (_Unfilled, kind), {}) for kind in _KINDS})


def expected_adapter_shapes(spec: AdapterSpec, file: str = "The adapter") -> dict[str, Shape]:
    """Shape of every tensor of the adapter that `spec` describes, by our names.

    Args:
        file: shown in the message.

    Raises:
        WeightFileError: no adapter can be built in these sizes.
    """
    return _shapes(StyleAdapter, spec, file)


def expected_temporal_shapes(
    blocks: Iterable[TemporalBlockSpec], file: str = "The temporal file"
) -> dict[str, Shape]:
    """Shape of every tensor of the temporal transformers, by our names; raises as the adapter's."""
    return {
        f"{block.name}.{name}": shape
        for block in blocks
        for name, shape in _shapes(TemporalTransformer, block, file).items()
    }


def _shapes(network: Callable[..., nn.Module], spec: Any, file: str) -> dict[str, Shape]:
    try:
        module = network(spec, operations=LAYERS, device="meta")
    except (ValueError, RuntimeError, TypeError) as problem:
        raise WeightFileError(
            f"{file} is for a network that cannot be built.",
            found=str(problem).splitlines()[0],
            expected="sizes of a network that StyleCrafter has trained or saved",
            fix="choose a complete file, as published",
        ) from problem
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def check_values(tensors: Mapping[str, Tensor], file: str | Path) -> None:
    """Raise WeightFileError, naming tensors, unless all are of floating point and hold finite numbers alone.

    Costs one pass over the values, which a load has to read anyway. Tensors on the meta device have none.
    """
    odd = [f"{name} ({_kind(tensor)})" for name, tensor in tensors.items() if not tensor.is_floating_point()]
    if odd:
        raise WeightFileError(
            f"{file} holds weights that are not floating-point numbers.",
            found=_listed(odd),
            expected="float32, float16, bfloat16 or another floating-point type",
            fix="choose the published file, or one that this version of StyleCrafter has saved",
        )
    broken = [name for name, tensor in tensors.items() if not _is_finite(tensor)]
    if broken:
        raise WeightFileError(
            f"{file} holds weights that are NaN or infinite.",
            found=_listed(broken),
            expected="finite numbers",
            fix="download the file again; if you trained or merged it, go back to an earlier checkpoint",
        )


def _is_finite(tensor: Tensor) -> bool:
    if tensor.is_meta or tensor.numel() == 0:
        return True
    values = (
        tensor.to(torch.float16) if tensor.element_size() == 1 else tensor
    )  # 8-bit floats cannot be summed
    # A sum takes a fifth of the time. It may overflow where the values do not: then they are looked at.
    total = values.sum(dtype=torch.promote_types(values.dtype, torch.float32))
    return bool(torch.isfinite(total)) or bool(torch.isfinite(values).all())


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _listed(names: list[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > NAMED_AT_MOST else ""
    return ", ".join(name[:LONGEST_SHOWN] for name in names[:NAMED_AT_MOST]) + more
