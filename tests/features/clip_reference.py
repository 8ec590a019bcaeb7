"""A CLIP vision tower written out by hand, from the weights' names in open_clip, for tests alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F


def layer_norm(x: Tensor, weights: Mapping[str, Tensor], name: str) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    scale = (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return centred / scale * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def attention(x: Tensor, weights: Mapping[str, Tensor], name: str, heads: int) -> Tensor:
    q, k, v = (x @ weights[f"{name}.in_proj_weight"].T + weights[f"{name}.in_proj_bias"]).chunk(3, dim=-1)
    q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (q, k, v))
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    mixed = (torch.exp(scores - scores.logsumexp(-1, keepdim=True)) @ v).transpose(1, 2).flatten(2)
    return mixed @ weights[f"{name}.out_proj.weight"].T + weights[f"{name}.out_proj.bias"]


def hidden_states(pixels: Tensor, weights: Mapping[str, Tensor], heads: int) -> list[Tensor]:
    """[B, 3, S, S] to the hidden states [B, L, W] that enter the first layer, and those after every layer."""
    patches = F.conv2d(pixels, weights["conv1.weight"], stride=weights["conv1.weight"].shape[-1])
    class_token = weights["class_embedding"].expand(len(pixels), 1, -1)
    x = torch.cat([class_token, patches.flatten(2).transpose(1, 2)], dim=1) + weights["positional_embedding"]
    states = [layer_norm(x, weights, "ln_pre")]
    while f"transformer.resblocks.{len(states) - 1}.ln_1.weight" in weights:
        block, x = f"transformer.resblocks.{len(states) - 1}", states[-1]
        normed = layer_norm(x, weights, f"{block}.ln_1")
        x = x + attention(normed, weights, f"{block}.attn", heads)
        inner = layer_norm(x, weights, f"{block}.ln_2") @ weights[f"{block}.mlp.c_fc.weight"].T
        inner = F.gelu(inner + weights[f"{block}.mlp.c_fc.bias"])
        states.append(
            x + inner @ weights[f"{block}.mlp.c_proj.weight"].T + weights[f"{block}.mlp.c_proj.bias"]
        )
    return states


def video_tokens(pixels: Tensor, weights: Mapping[str, Tensor], heads: int) -> Tensor:
    last = hidden_states(pixels, weights, heads)[-1]
    return torch.cat([layer_norm(last[:, :1], weights, "ln_post"), last[:, 1:]], dim=1)
