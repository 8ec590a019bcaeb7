"""The video model as the host's MODEL."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.supported_models
import comfy.supported_models_base
import comfy.utils
import torch
from torch import Tensor, nn

from ..errors import WeightFileError
from ..formats import compare, temporal_for_saving
from ..spec import UNetSpec
from .releases import patcher_class
from .unet import VideoUNet, host_config

# All that the host's networks raise on sizes that do not fit each other.
BUILDING_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)

log = logging.getLogger(__name__)


class VideoModelConfig(comfy.supported_models_base.BASE):
    """What the host wants to know of a model family: Stable Diffusion 2's latent, eps prediction."""

    # The spatial U-Net is Stable Diffusion 2.1's: its attention needs float32 where the host offers a choice.
    unet_extra_config = {"attn_precision": torch.float32}  # noqa: RUF012 (the host's own form)
    latent_format = comfy.latent_formats.SD15
    memory_usage_factor = 1.0

    def process_unet_state_dict_for_saving(self, state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
        """The U-Net's tensors under their published names, so that a saved model loads like the base."""
        published = temporal_for_saving(self.unet_config["temporal_blocks"], state_dict)
        return super().process_unet_state_dict_for_saving(published)

    def process_clip_state_dict_for_saving(self, state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
        """The text tower's tensors under their published names, which are Stable Diffusion 2's."""
        return comfy.supported_models.SD20.process_clip_state_dict_for_saving(self, state_dict)


class VideoModel(comfy.model_base.BaseModel):
    """The host's base model around a VideoUNet."""

    def __init__(self, config: VideoModelConfig, device: Any = None):
        super().__init__(config, comfy.model_base.ModelType.EPS, device=device, unet_model=VideoUNet)


def build_model(
    spec: UNetSpec, dtype: torch.dtype, manual_cast: torch.dtype | None, device: Any
) -> VideoModel:
    """An untrained video model of the given sizes."""
    config = VideoModelConfig(host_config(spec))
    config.set_inference_dtype(dtype, manual_cast)
    return VideoModel(config, device=device)


def _conv_nd(dims: int, *args: Any, **kwargs: Any) -> nn.Module:
    return (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1](*args, **kwargs)


# torch's own layers as the host's U-Net asks for them.
PLAIN_LAYERS = SimpleNamespace(**vars(nn), conv_nd=_conv_nd)


def weight_shapes(spec: UNetSpec) -> dict[str, tuple[int, ...]]:
    """The name and shape of every weight of a video U-Net of these sizes.

    They come from a U-Net of torch's own layers on the meta device: under DynamicVRAM the host's layers hold
    no weight before one is loaded.
    """
    unet = VideoUNet(**host_config(spec), dtype=torch.float32, device="meta", operations=PLAIN_LAYERS)
    return {name: tuple(weight.shape) for name, weight in unet.state_dict().items()}


def load_model(
    spec: UNetSpec, tensors: Mapping[str, Tensor], file: str, disable_dynamic: bool = False
) -> comfy.model_patcher.ModelPatcher:
    """A MODEL with the weights of a video base, under the host's memory management.

    Args:
        spec: sizes of the U-Net.
        tensors: its weights, named as in the host's U-Net; every one must be used.
        file: named in errors.
        disable_dynamic: see `patcher_class`.

    Raises:
        WeightFileError: weights are missing, left over or of a wrong shape; says which.
    """
    _check_unet(spec, tensors, file)
    management = comfy.model_management
    load_device = management.get_torch_device()
    parameters = sum(tensor.numel() for tensor in tensors.values())
    supported = VideoModelConfig.supported_inference_dtypes
    dtype = management.unet_dtype(
        model_params=parameters,
        supported_dtypes=supported,
        weight_dtype=comfy.utils.weight_dtype(dict(tensors)),
    )
    manual_cast = management.unet_manual_cast(dtype, load_device, supported)
    model = build_model(spec, dtype, manual_cast, management.unet_inital_load_device(parameters, dtype))
    # Cast here: under DynamicVRAM a layer keeps the dtype of what it is given.
    model.diffusion_model.load_state_dict({name: tensor.to(dtype) for name, tensor in tensors.items()})
    return patcher_class(disable_dynamic)(
        model, load_device=load_device, offload_device=management.unet_offload_device()
    )


def _check_unet(spec: UNetSpec, tensors: Mapping[str, Tensor], file: str) -> None:
    """Before anything is allocated: the tensors are those of the U-Net with these sizes, name by name."""
    try:
        shapes = weight_shapes(spec)
    except BUILDING_ERRORS as problem:
        raise WeightFileError(
            f"No U-Net can be made with the sizes of the one in {file}.",
            found=f"width {spec.model_channels} times {list(spec.channel_mult)}, heads {spec.head_dim} wide "
            f"({str(problem)[:200]})",
            expected="a VideoCrafter1 U-Net",
            fix="choose a complete checkpoint, as published",
        ) from problem
    report = compare(shapes, tensors)
    report.raise_unless_complete(file, "video U-Net")
    log.info("StyleCrafter: %s", report.summary())
