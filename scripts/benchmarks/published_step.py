"""A step of the published SDXL trainer, stated again in plain PyTorch, to be measured against.

What is known of it: every encoder runs in every step; the U-Net's frozen weights are float32, under bfloat16
autocast on a graphics card; the style attention is written out and each layer keeps its attention map; AdamW
without weight decay over the adapter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from unittest import mock

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from stylecrafter_core.adapter import dual_attention
from stylecrafter_core.adapter.dual_attention import SiteStyle
from stylecrafter_core.training.data.samples import Sample
from stylecrafter_core.training.host.styled_unet import Inputs
from stylecrafter_core.training.setup import Setup
from stylecrafter_core.training.stages import trainable


class PublishedStep:
    """One step after the other.

    Args:
        setup: of a first stage, without cache; its base in float32.
        device: where the model is trained.
    """

    def __init__(self, setup: Setup, device: torch.device):
        self.setup, self.device = setup, device
        self.model = setup.model.to(device)
        self.trained = list(trainable(self.model).values())
        self.optimiser = torch.optim.AdamW(self.trained, lr=setup.config.optimiser.lr, weight_decay=0.0)
        self.batches: Iterator[list[Sample]] = iter(setup.loader(0))
        self.maps: list[Tensor] = []

    def __call__(self) -> None:
        """Forward, backward, optimiser."""
        inputs, target = self._encoded(next(self.batches))
        self.maps.clear()
        with self._autocast(), mock.patch.object(dual_attention, "style_attention", self._style_attention):
            loss = F.mse_loss(self.model(inputs).float(), target)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimiser.step()

    def _encoded(self, samples: list[Sample]) -> tuple[Inputs, Tensor]:
        base, schedule = self.setup.base, self.setup.pass_maker.schedule
        latents = base.encode_pixels(torch.cat([sample.frames for sample in samples])).cpu()
        states = [base.encode_text(sample.caption) for sample in samples]
        tokens = base.encode_style(torch.stack([sample.style for sample in samples]), self.setup.clip_tokens)
        noise, timesteps = torch.randn_like(latents), torch.randint(1000, (len(samples),))
        adm = None
        if base.reads_adm:
            pooled = torch.cat([pooled for _, pooled in states if pooled is not None])
            adm = base.adm(pooled, [sample.sizes for sample in samples]).to(self.device)
        inputs = Inputs(
            noisy=schedule.add_noise(latents, noise, timesteps).to(self.device),
            timesteps=timesteps.float().to(self.device),
            text=torch.cat([tokens for tokens, _ in states]).to(self.device),
            clip_tokens=tokens.to(self.device),
            keeps_style=torch.ones(len(samples), device=self.device),
            adm=adm,
            num_frames=1,
            independent=False,
        )
        return inputs, schedule.target(latents, noise, timesteps).to(self.device)

    def _autocast(self) -> AbstractContextManager:
        return torch.autocast("cuda", torch.bfloat16) if self.device.type == "cuda" else nullcontext()

    def _style_attention(self, q_BNC: Tensor, site: SiteStyle, num_heads: int) -> Tensor:
        q, k, v = (rearrange(x, "b n (h d) -> b h n d", h=num_heads) for x in (q_BNC, site.k, site.v))
        weights = (q @ k.to(q.dtype).transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1)
        self.maps.append(weights)
        merged = rearrange(weights @ v.to(weights.dtype), "b h n d -> b n (h d)")
        if site.norm_weight is None:
            return merged
        return F.layer_norm(merged, merged.shape[-1:], site.norm_weight, site.norm_bias)
