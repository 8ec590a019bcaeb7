"""The published networks at full size without values, built once and shared between jobs."""

from __future__ import annotations

from functools import cache
from typing import Any
from unittest import mock

import comfy.ldm.models.autoencoder
import comfy.ldm.wan.vae
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import torch
from benchmarks import full_size
from torch import Tensor, nn

from stylecrafter_core.adapter import adapter as adapter_module
from stylecrafter_core.comfy_host.adapter import HostAdapter
from stylecrafter_core.comfy_host.model import load_model
from stylecrafter_core.formats.readers import AdapterFile, VideoBase, adapter_of

from .card import PROCESSOR, FakeCard

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
def _video_base() -> VideoBase:
    return full_size.published_video_base()


@cache
def _adapter_file(family: str) -> AdapterFile:
    return adapter_of(full_size.published(*full_size.ADAPTERS[family]), "published")


@cache
def _autoencoder_names(family: str) -> dict[str, Tensor]:
    with torch.device("meta"):
        network: nn.Module = (
            comfy.ldm.wan.vae.WanVAE(dim=96, z_dim=16, temperal_downsample=[False, True, True])
            if family == "wan"
            else comfy.ldm.models.autoencoder.AutoencoderKL(embed_dim=4, ddconfig=AUTOENCODER)
        )
    return dict(network.state_dict())


def prepare() -> None:
    """Read what needs values or the meta device, before a card is entered."""
    _video_base()
    for family in full_size.ADAPTERS:
        _adapter_file(family), _autoencoder_names(family)


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

    def network(self, family: str, dtype: torch.dtype) -> Any:
        """A network of its own, to be trained around."""
        with self.card.without_values():
            return self._model(family, dtype, dtype).model.diffusion_model

    def adapter(self, family: str) -> HostAdapter:
        """The published adapter in float32."""
        return self._once(("adapter", family), lambda: self._adapter(family))

    def autoencoder(self, family: str, dtype: torch.dtype) -> Any:
        """The VAE; video and SDXL have the same."""

        def make() -> Any:
            return comfy.sd.VAE(sd=_empty(_autoencoder_names(family), torch.float32), dtype=dtype)

        return self._once(("vae", family == "wan", dtype), make)

    def _once(self, key: Any, make: Any) -> Any:
        if key not in self._made:
            with self.card.without_values():
                self._made[key] = make()
        return self._made[key]

    def _model(self, family: str, weights: torch.dtype, computes: torch.dtype) -> Any:
        cast = None if weights == computes else computes
        if family == "video":
            return _video_model(weights, cast)
        made = full_size.host_network(family, weights, cast, PROCESSOR)
        return comfy.model_patcher.ModelPatcher(made, comfy.model_management.get_torch_device(), PROCESSOR)

    def _adapter(self, family: str) -> HostAdapter:
        file = _adapter_file(family)
        tensors = _empty(file.tensors, torch.float32)
        with mock.patch.object(adapter_module, "fingerprint", return_value=f"published {family}"):
            return HostAdapter(AdapterFile(file.spec, tensors, file.report), f"published {family}")


def _video_model(weights: torch.dtype, cast: torch.dtype | None) -> Any:
    base, management = _video_base(), comfy.model_management
    with (
        mock.patch.object(management, "unet_dtype", return_value=weights),
        mock.patch.object(management, "unet_manual_cast", return_value=cast),
    ):
        return load_model(base.unet_spec, _empty(base.unet, weights), "published")


def _empty(shapes: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    return {name: torch.empty(tensor.shape, dtype=dtype) for name, tensor in shapes.items()}
