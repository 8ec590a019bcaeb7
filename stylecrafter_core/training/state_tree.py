"""A nested state, such as an optimiser's, as plain data for JSON and tensors for safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

TENSOR = "tensor stored apart"  # {TENSOR: name} stands where the tensor of that name belongs


def without_tensors(value: Any, tensors: dict[str, Tensor], name: str = "") -> Any:
    """The value with a mark in place of each tensor.

    Args:
        value: a tensor, number, text or None, or dicts, lists and tuples of those; tuples become lists.
        tensors: takes the tensors by their path, "/state/adapter.norm.weight/exp_avg", on the CPU.
        name: the path of the value.
    """
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().contiguous()
        return {TENSOR: name}
    if isinstance(value, Mapping):
        return {key: without_tensors(inner, tensors, f"{name}/{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_tensors(inner, tensors, f"{name}/{i}") for i, inner in enumerate(value)]
    return value


def with_tensors(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `without_tensors`.

    Raises:
        KeyError: a tensor is missing.
    """
    if isinstance(value, dict):
        if TENSOR in value:
            return tensors[value[TENSOR]]
        return {key: with_tensors(inner, tensors) for key, inner in value.items()}
    return [with_tensors(inner, tensors) for inner in value] if isinstance(value, list) else value
