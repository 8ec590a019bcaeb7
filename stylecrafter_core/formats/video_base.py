"""The video base checkpoint (`model.ckpt`): U-Net, text encoder, VAE and the U-Net's sizes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from ..errors import WeightFileError
from ..spec import TemporalBlockSpec, UNetSpec
from ..tensor_names import count_numbered, shape_of, to_ours
from .checks import KeyReport, check_values, expected_temporal_shapes, report_official
from .official_temporal import official_name, temporal_specs, temporal_table

UNET, TEXT, VAE = "model.diffusion_model.", "cond_stage_model.", "first_stage_model."
NO_MIDDLE_ATTENTION = -1
COUNTERS = (".position_ids", ".num_batches_tracked")  # whole numbers, which nothing reads


@dataclass(frozen=True)
class VideoBase:
    """A video base checkpoint, taken apart.

    Attributes:
        unet_spec: sizes of the U-Net and of its temporal blocks.
        unet: its tensors in the host's U-Net names; temporal blocks in ours, at the places of their specs.
        text, vae: tensors of the text encoder and of the VAE without their prefix; empty when absent.
        report: the temporal blocks are checked name by name. The spatial tensors count as loaded here and are
            compared with the host's U-Net when that is built.
    """

    unet_spec: UNetSpec
    unet: dict[str, Tensor]
    text: dict[str, Tensor]
    vae: dict[str, Tensor]
    report: KeyReport

    @property
    def ignored(self) -> tuple[str, ...]:
        """Names in the file that are of no use: schedule buffers, counters, averaged copies."""
        return self.report.ignored


def split_video_base(tensors: Mapping[str, Tensor], file: str) -> VideoBase:
    """Takes the tensors of a video base apart and reads the U-Net's sizes off them.

    Raises:
        WeightFileError: the U-Net or its temporal blocks are incomplete, sizes contradict each other, or
            values are no weights.
    """
    prefix = unet_prefix(tensors)
    text, vae = _part(tensors, TEXT), _part(tensors, VAE)
    official = {
        name: tensor
        for name, tensor in _part(tensors, prefix).items()
        if prefix or not name.startswith((TEXT, VAE))
    }
    spec = _unet_spec(official, temporal_specs(official, file), file)
    table = temporal_table(spec.temporal_blocks)
    places = tuple(f"{official_name(block)}." for block in spec.temporal_blocks)
    temporal = {name: tensor for name, tensor in official.items() if name.startswith(places)}
    report = report_official(table, expected_temporal_shapes(spec.temporal_blocks), temporal)
    report.raise_unless_complete(file, "set of temporal transformers")
    spatial = {name: tensor for name, tensor in official.items() if name not in temporal}
    used = {f"{prefix}{name}" for name in official} | {n for n in tensors if n.startswith((TEXT, VAE))}
    report = replace(
        report,
        loaded=tuple(name for name in tensors if name in used),
        ignored=tuple(name for name in tensors if name not in used),
    )
    check_values({n: tensors[n] for n in report.loaded if not n.endswith(COUNTERS)}, file)
    return VideoBase(
        unet_spec=spec,
        unet={**spatial, **to_ours(table, temporal)},
        text=text,
        vae=vae,
        report=report,
    )


def unet_prefix(names: Iterable[str]) -> str:
    """What stands before the U-Net's names: the usual prefix, or nothing in a file of the U-Net alone."""
    return UNET if any(name.startswith(UNET) for name in names) else ""


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): tensor for n, tensor in tensors.items() if n.startswith(prefix)}


def _unet_spec(
    unet: Mapping[str, Tensor], temporal_blocks: tuple[TemporalBlockSpec, ...], file: str
) -> UNetSpec:
    model_channels, in_channels = shape_of(unet, "input_blocks.0.0.weight", (4,), file)[:2]
    channel_mult, num_res_blocks, depths = _levels(unet, model_channels, file)
    attention = _first_attention(unet, file)
    head_dim = temporal_blocks[-1].head_dim
    spec = UNetSpec(
        in_channels=in_channels,
        out_channels=shape_of(unet, "out.2.weight", (4,), file)[0],
        model_channels=model_channels,
        channel_mult=channel_mult,
        num_res_blocks=num_res_blocks,
        transformer_depth=depths,
        transformer_depth_middle=_depth(unet, "middle_block.1", file) or NO_MIDDLE_ATTENTION,
        # The host pops this list from its end, so it runs against the order of the output blocks.
        transformer_depth_output=tuple(
            _depth(unet, f"output_blocks.{i}.1", file)
            for i in reversed(range(count_numbered(unet, "output_blocks.", file)))
        ),
        context_dim=shape_of(unet, f"{attention}.transformer_blocks.0.attn2.to_k.weight", (2,), file)[1],
        head_dim=head_dim,
        linear_projections=len(shape_of(unet, f"{attention}.proj_in.weight", (2, 4), file)) == 2,
        temporal_blocks=temporal_blocks,
    )
    _check_heads(spec, file)
    return spec


def _levels(
    unet: Mapping[str, Tensor], model_channels: int, file: str
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Channel multiplier and number of res blocks per level, and transformer depth per input res block."""
    multipliers, res_blocks, depths = [0], [0], []
    for i in range(1, count_numbered(unet, "input_blocks.", file)):
        if f"input_blocks.{i}.0.op.weight" in unet:
            multipliers.append(0)
            res_blocks.append(0)
            continue
        width = shape_of(unet, f"input_blocks.{i}.0.out_layers.3.weight", (4,), file)[0]
        multipliers[-1] = width // model_channels
        res_blocks[-1] += 1
        depths.append(_depth(unet, f"input_blocks.{i}.1", file))
    return tuple(multipliers), tuple(res_blocks), tuple(depths)


def _depth(unet: Mapping[str, Tensor], spatial: str, file: str) -> int:
    return count_numbered(unet, f"{spatial}.transformer_blocks.", file)


def _first_attention(unet: Mapping[str, Tensor], file: str) -> str:
    # Only spatial transformers stand second in their block; a temporal one follows them.
    for name in unet:
        if found := re.match(
            r"((?:input_blocks\.\d+|middle_block)\.1)\.transformer_blocks\.0\.attn2\.to_k\.", name
        ):
            return found[1]
    raise WeightFileError(
        f"The U-Net in {file} has no text cross-attention.",
        found="no tensor named input_blocks.*.1.transformer_blocks.0.attn2.to_k.weight",
        expected="a spatial transformer in some input block",
        fix="choose a complete checkpoint, as published",
    )


def _check_heads(spec: UNetSpec, file: str) -> None:
    # The one that convolves stands beside no spatial one, and has eight heads however wide they are.
    for block in spec.temporal_blocks:
        if not block.convolves and (block.head_dim != spec.head_dim or block.channels % spec.head_dim):
            raise WeightFileError(
                f"The attention heads of the U-Net in {file} cannot be determined.",
                found=f"{block.name} with {block.channels} channels and heads {block.head_dim} wide",
                expected=f"heads {spec.head_dim} wide, and channels that they divide",
                fix="choose a complete checkpoint, as published",
            )
