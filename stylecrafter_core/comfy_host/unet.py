"""The host's own U-Net with a temporal transformer behind every spatial one."""

from __future__ import annotations

from typing import Any

from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from torch import Tensor

from ..errors import InputError
from ..spec import TemporalBlockSpec, UNetSpec
from ..temporal import TemporalTransformer, check_frames
from .keys import INDEPENDENT_FRAMES, NUM_FRAMES


class VideoUNet(UNetModel):
    """A video U-Net whose frames lie in the batch dimension.

    The spatial part is the host's, so everything that the host and other packs do to a U-Net works on it.

    Args:
        temporal_blocks: where a temporal transformer is inserted, and its sizes.
        config: the host's own U-Net configuration.
    """

    def __init__(self, temporal_blocks: tuple[TemporalBlockSpec, ...], **config: Any):
        super().__init__(**config)
        self.temporal_blocks = temporal_blocks
        factory = {"dtype": config["dtype"], "device": config["device"]}
        for spec in temporal_blocks:
            sequence_name, _, position = spec.name.rpartition(".")
            block = TemporalTransformer(spec, operations=config["operations"], **factory)
            self.get_submodule(sequence_name).insert(int(position), block)

    def _forward(
        self,
        x: Tensor,
        timesteps: Tensor | None = None,
        context: Tensor | None = None,
        y: Tensor | None = None,
        control: dict | None = None,
        transformer_options: dict | None = None,
        **kwargs: Any,
    ) -> Tensor:
        options = dict(transformer_options or {})
        options["patches"] = with_temporal_handler(
            options.get("patches", {}),
            frames_per_video(x, options),
            independent=options.get(INDEPENDENT_FRAMES, False),
        )
        return super()._forward(x, timesteps, context, y, control, options, **kwargs)


def frames_per_video(x: Tensor, transformer_options: dict) -> int:
    """How many consecutive rows of x are one video.

    Each condition in the batch is one video, unless the model was told a video length. Inside a context
    window the rows are the window's frames, and the length of the whole video says nothing.

    Raises:
        InputError: the latent is not made of frames as rows, or the frames are no whole videos.
    """
    if x.ndim != 4:
        raise InputError(
            "The latent does not belong to the video model.",
            found=f"a latent of shape {list(x.shape)}",
            expected="[frames, 4, height / 8, width / 8]",
            fix="connect an empty video latent, or frames encoded with the VAE of this model",
        )
    rows_per_cond = len(x) // len(transformer_options.get("cond_or_uncond", (0,)))
    num_frames = transformer_options.get(NUM_FRAMES, rows_per_cond)
    check_frames(rows_per_cond, num_frames)
    return num_frames


def with_temporal_handler(patches: dict, num_frames: int, independent: bool) -> dict:
    """The host's patches and a handler that runs temporal transformers on videos of `num_frames` frames."""

    def run(layer: TemporalTransformer, x: Tensor, *_: Any) -> Tensor:
        return layer(x, num_frames, independent)

    handlers = patches.get("forward_timestep_embed_patch", [])
    return {**patches, "forward_timestep_embed_patch": [*handlers, (TemporalTransformer, run)]}


def host_config(spec: UNetSpec) -> dict[str, Any]:
    """The keyword arguments of VideoUNet, in the host's words."""
    return {
        "temporal_blocks": spec.temporal_blocks,
        "image_size": 32,
        "in_channels": spec.in_channels,
        "out_channels": spec.out_channels,
        "model_channels": spec.model_channels,
        "channel_mult": list(spec.channel_mult),
        "num_res_blocks": list(spec.num_res_blocks),
        "transformer_depth": list(spec.transformer_depth),
        "transformer_depth_middle": spec.transformer_depth_middle,
        "transformer_depth_output": list(spec.transformer_depth_output),
        "context_dim": spec.context_dim,
        "num_heads": -1,
        "num_head_channels": spec.head_dim,
        "use_spatial_transformer": True,
        "use_linear_in_transformer": spec.linear_projections,
        "use_temporal_attention": False,
        "legacy": False,
        "adm_in_channels": None,
        "num_classes": None,
    }
