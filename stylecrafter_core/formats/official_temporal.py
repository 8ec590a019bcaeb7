"""The published temporal transformers, in their own nested file or in a video base: one table for both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from ..errors import WeightFileError
from ..spec import TemporalBlockSpec
from ..tensor_names import SAME, TRAILING_ONE, Row, Table, same_parameters, shape_of, to_official

FIRST_OFFICIAL, FIRST_OURS = "init_attn.0", "input_blocks.0.1"
FIRST_HEADS = 8
BLOCK = "transformer_blocks.0"
POSITION_TABLE = re.compile(
    r"(.+)\.transformer_blocks\.\d+\.attn[12]\.relative_position_[kv]\.embeddings_table"
)
ORDER = ("input_blocks", "middle_block", "output_blocks")


def temporal_specs(official: Mapping[str, Tensor], file: str) -> tuple[TemporalBlockSpec, ...]:
    """The temporal transformers among tensors in published names, in the order in which the U-Net runs them.

    `num_heads = inner width / table width`, `max_distance = (table rows - 1) / 2`.

    Raises:
        WeightFileError: a tensor that a size is read from is missing, or sizes contradict each other.
    """
    names = {found[1] for name in official if (found := POSITION_TABLE.fullmatch(name))}
    return tuple(sorted((_spec(official, name, file) for name in names), key=_forward_order))


def temporal_table(blocks: Iterable[TemporalBlockSpec]) -> Table:
    """Published name ↔ ours for every tensor of the temporal transformers."""
    return tuple(row for block in blocks for row in _block_table(block))


def temporal_to_official(
    blocks: Iterable[TemporalBlockSpec], tensors: Mapping[str, Tensor]
) -> dict[str, dict[str, Tensor]]:
    """Tensors in our names as the published nested `{block: {name: tensor}}`, bit for bit."""
    nested: dict[str, dict[str, Tensor]] = {}
    for block in blocks:
        theirs = official_name(block)
        flat = to_official(_block_table(block), tensors)
        nested[theirs] = {name.removeprefix(f"{theirs}."): tensor for name, tensor in flat.items()}
    return nested


def temporal_for_saving(blocks: Iterable[TemporalBlockSpec], unet: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A whole U-Net in the host's names, its temporal transformers under their published ones."""
    table = temporal_table(blocks)
    ours = {row.ours for row in table}
    spatial = {name: tensor for name, tensor in unet.items() if name not in ours}
    return spatial | to_official(table, unet)


def official_name(block: TemporalBlockSpec) -> str:
    """The published name of a temporal transformer."""
    return FIRST_OFFICIAL if block.name == FIRST_OURS else block.name


def _forward_order(block: TemporalBlockSpec) -> tuple[int, list[int]]:
    place, *numbers = block.name.split(".")
    return ORDER.index(place), [int(number) for number in numbers]


def _spec(official: Mapping[str, Tensor], name: str, file: str) -> TemporalBlockSpec:
    ours = FIRST_OURS if name == FIRST_OFFICIAL else name
    if not re.fullmatch(r"(input_blocks|output_blocks)\.\d{1,4}\.\d{1,4}|middle_block\.\d{1,4}", ours):
        raise _inconsistent(file, f"a temporal transformer at {name}", "input, middle and output blocks only")
    projection = shape_of(official, f"{name}.proj_in.weight", (2, 3), file)
    rows, head_dim = shape_of(
        official, f"{name}.{BLOCK}.attn1.relative_position_k.embeddings_table", (2,), file
    )
    width, channels = projection[:2]
    if width % head_dim:
        raise _inconsistent(file, f"{name} is {width} wide with heads {head_dim} wide", "whole heads")
    if rows % 2 == 0:
        raise _inconsistent(file, f"{name} has {rows} relative positions", "an odd number of them")
    num_heads = width // head_dim
    if name == FIRST_OFFICIAL and num_heads != FIRST_HEADS:
        raise _inconsistent(file, f"{name} has {num_heads} heads", f"{FIRST_HEADS} heads there")
    return TemporalBlockSpec(ours, channels, num_heads, head_dim, (rows - 1) // 2, len(projection) == 3)


def _inconsistent(file: str, found: str, expected: str) -> WeightFileError:
    return WeightFileError(
        f"The temporal transformers in {file} have sizes that do not fit each other.",
        found=found,
        expected=expected,
        fix="choose a complete file, as published",
    )


def _block_table(block: TemporalBlockSpec) -> Table:
    theirs, ours = official_name(block), block.name
    projection = TRAILING_ONE if block.convolves else SAME
    rows = list(same_parameters(f"{theirs}.norm", f"{ours}.norm"))
    for name in ("proj_in", "proj_out"):
        rows.append(Row(f"{theirs}.{name}.weight", f"{ours}.{name}.weight", projection))
        rows.append(Row(f"{theirs}.{name}.bias", f"{ours}.{name}.bias"))
    for name in ("attn1", "attn2"):
        rows.extend(_attention_table(f"{theirs}.{BLOCK}.{name}", f"{ours}.{BLOCK}.{name}"))
    for name in ("ff.net.0.proj", "ff.net.2", "norm1", "norm2", "norm3"):
        rows.extend(same_parameters(f"{theirs}.{BLOCK}.{name}", f"{ours}.{BLOCK}.{name}"))
    return tuple(rows)


def _attention_table(theirs: str, ours: str) -> Table:
    return (
        *(Row(f"{theirs}.to_{name}.weight", f"{ours}.to_{name}.weight") for name in "qkv"),
        *same_parameters(f"{theirs}.to_out.0", f"{ours}.to_out.0"),
        *(
            Row(
                f"{theirs}.relative_position_{name}.embeddings_table",
                f"{ours}.relative_position_{name}.weight",
            )
            for name in "kv"
        ),
    )
