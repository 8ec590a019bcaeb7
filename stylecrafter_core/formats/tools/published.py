"""Adapters and temporal blocks in the names and nesting of the released files, where nothing is lost by it.

A released file holds tensors only. Heads, the order of sites and the shape of the scale predictor are known
by its family, so an adapter that differs there would be read back as another one: it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from torch import Tensor

from ...errors import MismatchError, WeightFileError
from ...families import FAMILIES, Published
from ...sites import order_sites
from ...spec import AdapterSpec
from .. import AdapterFile, TemporalFile, TensorFile, adapter_to_official, temporal_to_official
from ..readers import adapter_of, temporal_of

LEVEL = "state_dict"


def published_adapter(adapter: AdapterFile, file: str) -> dict[str, Any]:
    """`{"state_dict": {name: tensor}}` where the family's file is nested, else `{name: tensor}`.

    Args:
        file: shown in messages.

    Raises:
        MismatchError: the family has no published format, or reading the result would give another adapter.
    """
    spec = adapter.spec
    published = published_format(spec, file)
    official = adapter_to_official(spec, adapter.tensors)
    try:
        again = adapter_of(_shapes_of(official), file).spec
    except WeightFileError as problem:
        raise _unpublishable(file, problem.found, problem.expected) from problem
    if again.sites is None and spec.sites is not None:
        # The SDXL file does not say where its sites lie; readers count them in the family's order.
        again = replace(again, sites=order_sites(spec.sites, FAMILIES[spec.family].site_order))
    _check_same(_sizes(spec), _sizes(again), file)
    return {LEVEL: official} if published.nested else dict(official)


def published_format(spec: AdapterSpec, file: str) -> Published:
    """The published format of the adapter's family; MismatchError where there is none."""
    family = FAMILIES[spec.family]
    if family.published is not None:
        return family.published
    others = " or ".join(other.title for other in FAMILIES.values() if other.published is not None)
    raise _unpublishable(
        file,
        found=f"an adapter of the family {family.title}",
        expected=f"one of {others}; no other was published",
    )


def published_temporal(temporal: TemporalFile, file: str) -> dict[str, Any]:
    """`{"state_dict": {block: {name: tensor}}}`; raises as `published_adapter`."""
    nested = temporal_to_official(temporal.blocks, temporal.tensors)
    flat = {f"{block}.{name}": tensor for block, part in nested.items() for name, tensor in part.items()}
    try:
        again = temporal_of(_shapes_of(flat), file).blocks
    except WeightFileError as problem:
        raise _unpublishable(file, problem.found, problem.expected) from problem
    ours, theirs = ({block.name: asdict(block) for block in blocks} for blocks in (temporal.blocks, again))
    _check_same(dict(_leaves(ours)), dict(_leaves(theirs)), file)
    return {LEVEL: nested}


def _shapes_of(tensors: Mapping[str, Tensor]) -> TensorFile:
    return TensorFile({name: tensor.to("meta") for name, tensor in tensors.items()}, {})


def _sizes(spec: AdapterSpec) -> dict[str, Any]:
    return dict(_leaves(spec.to_dict()))


def _leaves(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _check_same(ours: Mapping[str, Any], theirs: Mapping[str, Any], file: str) -> None:
    differing = [name for name in ours if ours[name] != theirs.get(name)]
    if differing:
        raise _unpublishable(
            file,
            found=", ".join(f"{name} = {ours[name]}" for name in differing),
            expected=", ".join(f"{name} = {theirs.get(name)}" for name in differing)
            + ", as every reader of the published format takes it to be",
        )


def _unpublishable(file: str, found: str, expected: str) -> MismatchError:
    return MismatchError(
        f"{file} cannot be written in a published format.",
        found=found,
        expected=expected,
        fix="export it with --to own: StyleCrafter's nodes and trainer read that",
    )
