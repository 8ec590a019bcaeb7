"""What the short name of an adapter's weights depends on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stylecrafter_core.adapter import fingerprint
from stylecrafter_core.formats import AdapterFile, read_adapter

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def file() -> AdapterFile:
    return read_adapter(GOLDEN / "video_a" / "adapter.pth")


def identity(file: AdapterFile, **changed: torch.Tensor) -> str:
    return fingerprint(file.spec, {**file.tensors, **changed})


def test_same_weights_same_name_whatever_their_order(file: AdapterFile) -> None:
    backwards = {name: file.tensors[name].clone() for name in reversed(file.tensors)}
    assert fingerprint(file.spec, backwards) == identity(file)
    assert len(identity(file)) == 16
    assert int(identity(file), 16) >= 0


def test_every_tensor_counts(file: AdapterFile) -> None:
    names = {identity(file, **{name: tensor + 1e-3}) for name, tensor in file.tensors.items()}
    assert len(names) == len(file.tensors)
    assert identity(file) not in names


def test_values_inside_a_tensor_count(file: AdapterFile) -> None:
    """Not the first one alone: 64 values are taken all over a tensor of 64 × 24."""
    name = "style_kv.5.to_k.weight"
    weight = file.tensors[name]
    step = max(1, weight.numel() // 256)
    names = {identity(file)}
    for place in range(0, weight.numel(), 5 * step):
        changed = weight.clone()
        changed.view(-1)[place] += 1
        names.add(identity(file, **{name: changed}))
    assert len(names) == 1 + len(range(0, weight.numel(), 5 * step)) > 20


def test_swapped_tensors_count(file: AdapterFile) -> None:
    k, v = (f"style_kv.0.{name}.weight" for name in ("to_k", "to_v"))
    assert identity(file, **{k: file.tensors[v], v: file.tensors[k]}) != identity(file)


def test_sizes_count(file: AdapterFile) -> None:
    other = replace(file.spec, normalises_style=not file.spec.normalises_style)
    assert fingerprint(other, file.tensors) != identity(file)


def test_another_type_of_number_counts_only_through_its_rounding(file: AdapterFile) -> None:
    half = {name: tensor.half() for name, tensor in file.tensors.items()}
    wide_again = {name: tensor.float() for name, tensor in half.items()}
    assert fingerprint(file.spec, half) == fingerprint(file.spec, wide_again)
    assert fingerprint(file.spec, half) != identity(file)
