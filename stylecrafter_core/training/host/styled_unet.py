"""The host's U-Net with a style adapter, as one module that can be trained.

It goes through the very injector that the nodes use. B samples of T frames, R = B · T rows, L CLIP tokens,
W CLIP width, N text tokens, D context width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...adapter import ReadyStyle, StyleAdapter
from ...comfy_host.conditioning import StyleBatch
from ...comfy_host.keys import INDEPENDENT_FRAMES, NUM_FRAMES
from ...comfy_host.networks import Injection, injection_for
from ...comfy_host.releases import expect_gradients
from ...spec import Site

# text [B, N, D], style tokens [B, Q, D], which keep their style [B], T -> context, transformer_options
Fused = tuple[Tensor, dict[str, Any]]
Fusion = Callable[[StyleAdapter, Injection, Tensor, Tensor, Tensor, int], Fused]


@dataclass(frozen=True)
class Inputs:
    """What one pass reads.

    Attributes:
        noisy: [R, C, H, W] noised latents, the frames of one sample next to each other.
        timesteps: [B].
        text: [B, N, D] text tokens.
        clip_tokens: [B, L, W] image tokens of the style pictures.
        keeps_style: [B] ones, and zeros where the sample is trained without style.
        adm: [B, A] the base's further conditioning (SDXL), or None.
        num_frames: T.
        independent: the rows are pictures, not frames: time does not exist for the temporal blocks.
    """

    noisy: Tensor
    timesteps: Tensor
    text: Tensor
    clip_tokens: Tensor
    keeps_style: Tensor
    adm: Tensor | None
    num_frames: int
    independent: bool


def dual_attention(
    adapter: StyleAdapter,
    inject: Injection,
    text_BND: Tensor,
    tokens_BQD: Tensor,
    keeps_B: Tensor,
    num_frames: int,
) -> Fused:
    """The method: `F = TCA + s_i · LN(SCA)` at every site; see adapter.add_style."""
    gains = adapter.layer_gains(tokens_BQD, text_BND) * keeps_B[:, None]
    styles = tuple(
        site._replace(k=_per_frame(site.k, num_frames), v=_per_frame(site.v, num_frames))
        for site in adapter.site_styles(tokens_BQD)
    )
    ready = ReadyStyle.of(styles, _per_frame(gains, num_frames))
    batch = StyleBatch(((len(tokens_BQD) * num_frames, ready),))
    return text_BND, inject({}, batch)


def attached_tokens(
    adapter: StyleAdapter,
    inject: Injection,
    text_BND: Tensor,
    tokens_BQD: Tensor,
    keeps_B: Tensor,
    num_frames: int,
) -> Fused:
    """The ablation: style tokens behind the text tokens, through the text's own K and V; no second branch.

    Source: StyleCrafter (arXiv 2312.00330), table 4, "attach to text".
    """
    return torch.cat([text_BND, tokens_BQD * keeps_B[:, None, None]], dim=1), {}


class StyledUNet(nn.Module):
    """Adapter and U-Net in one forward pass. From the first one on, the host computes all with gradients.

    Args:
        unet: the host's diffusion model; not copied.
        adapter: the style adapter.
        sites: where the adapter's sites lie in this U-Net.
        fusion: how the style gets to the attention: `dual_attention`, or an ablation.
    """

    def __init__(self, unet: nn.Module, adapter: StyleAdapter, sites: tuple[Site, ...], fusion: Fusion):
        super().__init__()
        expect_gradients()
        self.unet = unet
        self.adapter = adapter
        self.inject = injection_for(unet, sites)
        self.fusion = fusion

    def forward(self, inputs: Inputs) -> Tensor:
        """[R, C, H, W]: what the U-Net predicts, noise or velocity."""
        tokens = self.adapter.style_transformer(inputs.clip_tokens)
        context, options = self.fusion(
            self.adapter, self.inject, inputs.text, tokens, inputs.keeps_style, inputs.num_frames
        )
        options[NUM_FRAMES] = inputs.num_frames
        options[INDEPENDENT_FRAMES] = inputs.independent
        return self.unet(
            inputs.noisy,
            _per_frame(inputs.timesteps, inputs.num_frames),
            context=_per_frame(context, inputs.num_frames),
            y=None if inputs.adm is None else _per_frame(inputs.adm, inputs.num_frames),
            transformer_options=options,
        )


def _per_frame(rows_B: Tensor, num_frames: int) -> Tensor:
    """[B, ...] to [B · T, ...]: every sample's row, once per frame."""
    return rows_B if num_frames == 1 else rows_B.repeat_interleave(num_frames, dim=0)
