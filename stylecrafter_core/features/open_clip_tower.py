"""CLIP tokens without the host: the same contracts on open_clip's own vision transformer."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from .contracts import contract_named
from .tower import read_vision_tower


def open_clip_vision_tower(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> Any:
    """An `open_clip.transformer.VisionTransformer` of the size that the tensors have, holding them.

    Args:
        tensors, metadata: as in `read_vision_tower`, which says what is assumed about heads and activation.

    Returns:
        The module, float32, on the CPU, in evaluation mode, without gradients.

    Raises:
        WeightFileError: see `read_vision_tower`.
        InputError: open_clip_torch is not installed. No node needs it.
    """
    try:
        from open_clip.transformer import QuickGELU, VisionTransformer
    except ModuleNotFoundError as error:
        raise InputError(
            "Image tokens without ComfyUI need a package that is not installed.",
            found=f"no {error.name} in {sys.executable}",
            expected="open_clip_torch",
            fix="python -m pip install open_clip_torch (in ComfyUI, use StyleCrafter's image encoder loader)",
        ) from error

    found = read_vision_tower(tensors, metadata)
    spec = found.spec
    tower = VisionTransformer(
        image_size=spec.image_size,
        patch_size=spec.patch_size,
        width=spec.width,
        layers=spec.layers,
        heads=spec.num_heads,
        mlp_ratio=(spec.mlp_width + 0.5) / spec.width,  # open_clip truncates width · ratio: aim at its middle
        output_dim=spec.output_dim or spec.width,
        act_layer=QuickGELU if spec.activation == "quick_gelu" else nn.GELU,
    )
    if spec.output_dim is None:
        tower.proj = None
    tower.load_state_dict({name: tensor.float() for name, tensor in found.tensors.items()})
    return tower.eval().requires_grad_(False)


@torch.no_grad()
def clip_tokens(tower: Any, images_RHWC: Tensor, clip_tokens: str) -> Tensor:
    """CLIP tokens of R reference pictures, [R, L, W] float32 on the CPU.

    Args:
        tower: from `open_clip_vision_tower`, on any device.
        images_RHWC: [R, H, W, 1 to 4 channels], 0..1.
        clip_tokens: a key of `CLIP_TOKENS`; an adapter's is `families.image_tokens_of` its spec.

    Raises:
        InputError: pictures that cannot be read, see `ClipTokens.preprocess`; an unknown `clip_tokens`.
        MismatchError: the tower has too few layers for the family.
    """
    contract = contract_named(clip_tokens)
    device = tower.conv1.weight.device

    def run(pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        return _hidden_states(tower, pixels.to(device))

    return contract.encode(images_RHWC, tower.image_size[0], run, tower.ln_post)


def _hidden_states(tower: Any, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
    """Hidden states [B, L, W] after the last layer and after the one before it (None if there is none)."""
    wanted = min(2, len(tower.transformer.resblocks))
    states = tower.forward_intermediates(
        pixels, indices=wanted, intermediates_only=True, output_fmt="NLC", output_extra_tokens=True
    )
    layers = [
        torch.cat([class_token, patches], dim=1)
        for class_token, patches in zip(states["image_intermediates_prefix"], states["image_intermediates"])
    ]
    return layers[-1], (layers[0] if wanted == 2 else None)
