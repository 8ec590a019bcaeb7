"""The published networks at full size without values, built once and shared between jobs."""

from __future__ import annotations

from functools import cache
from typing import Any
from unittest import mock

import comfy.ldm.models.autoencoder
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.supported_models
import torch
from benchmarks import full_size
from torch import Tensor

from stylecrafter_core.adapter import adapter as adapter_module
from stylecrafter_core.comfy_host.adapter import HostAdapter
from stylecrafter_core.comfy_host.model import load_model
from stylecrafter_core.formats.readers import AdapterFile, TensorFile, adapter_of, video_base_of

from .card import FakeCard

AUTOENCODER = {
    "double_z": True,
    "z_channels": 4,
    "resolution": 256,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 128,
    "ch_mult": [1, 2, 4, 4],
    "num_res_blocks": 2,
    "attn_resolutions": [],
    "dropout": 0.0,
}


@cache
def _video_base() -> Any:
    unet = full_size.published("video", "videocrafter_unet")
    named = {f"model.diffusion_model.{name}": tensor for name, tensor in unet.tensors.items()}
    return video_base_of(TensorFile(named, {}), "published")


@cache
def _adapter_file(family: str) -> AdapterFile:
    title = {"video": "videocrafter_adapter", "sdxl": "stylecrafter_sdxl_adapter"}[family]
    return adapter_of(full_size.published(family, title), "published")


@cache
def _autoencoder_names() -> dict[str, Tensor]:
    network = comfy.ldm.models.autoencoder.AutoencoderKL(embed_dim=4, ddconfig=AUTOENCODER)
    return {name: tensor.to("meta") for name, tensor in network.state_dict().items()}


def prepare() -> None:
    """Read what needs values or the meta device, before a card is entered."""
    _video_base(), _adapter_file("video"), _adapter_file("sdxl"), _autoencoder_names()


class Networks:
    """What the jobs of one card share."""

    def __init__(self, card: FakeCard):
        self.card = card
        self._made: dict[Any, Any] = {}

    def model(self, family: str, weights: torch.dtype, computes: torch.dtype) -> Any:
        """The MODEL, its weights in one dtype and its arithmetic in another or the same."""
        return self._once(
            ("model", family, weights, computes), lambda: self._model(family, weights, computes)
        )

    def adapter(self, family: str) -> HostAdapter:
        """The published adapter in float32."""
        return self._once(("adapter", family), lambda: self._adapter(family))

    def autoencoder(self, dtype: torch.dtype) -> Any:
        """The VAE of both families."""
        return self._once(
            ("vae", dtype), lambda: comfy.sd.VAE(sd=_empty(_autoencoder_names(), torch.float32), dtype=dtype)
        )

    def _once(self, key: Any, make: Any) -> Any:
        if key not in self._made:
            with self.card.without_values():
                self._made[key] = make()
        return self._made[key]

    def _model(self, family: str, weights: torch.dtype, computes: torch.dtype) -> Any:
        cast = None if weights == computes else computes
        if family == "video":
            base = _video_base()
            management = comfy.model_management
            with (
                mock.patch.object(management, "unet_dtype", return_value=weights),
                mock.patch.object(management, "unet_manual_cast", return_value=cast),
            ):
                return load_model(base.unet_spec, _empty(base.unet, weights), "published")
        config = comfy.supported_models.SDXL(full_size.SDXL_UNET)
        config.set_inference_dtype(weights, cast)
        network = comfy.model_base.SDXL(config, device=torch.device("cpu"))
        device = comfy.model_management.get_torch_device()
        return comfy.model_patcher.ModelPatcher(network, device, torch.device("cpu"))

    def _adapter(self, family: str) -> HostAdapter:
        file = _adapter_file(family)
        tensors = _empty(file.tensors, torch.float32)
        with mock.patch.object(adapter_module, "fingerprint", return_value=f"published {family}"):
            return HostAdapter(AdapterFile(file.spec, tensors, file.report), f"published {family}")


def _empty(shapes: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    return {name: torch.empty(tensor.shape, dtype=dtype) for name, tensor in shapes.items()}
