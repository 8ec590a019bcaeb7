"""The shapes of all tensors in our names: those of the networks themselves, built without storage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

from torch import nn

from ..adapter import StyleAdapter
from ..errors import WeightFileError
from ..spec import AdapterSpec, TemporalBlockSpec
from ..temporal import TemporalTransformer
from ..tensor_names import Shape


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
