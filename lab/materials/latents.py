"""The materials as latents and text tokens in memory, and batches cut from them by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylecrafter_core.media import read_video

from .autoencoder import PIXELS_PER_LATENT, block_latents
from .networks import Tensors

SIDE = 8  # of the parts that are cut: 64 pixels
SHORT_SIDES = (64, 96, 128)  # of a picture, in pixels, before a part is cut


@dataclass(frozen=True)
class Shown:
    """Latents of a picture (at several sizes) or a clip, each [T, 4, H, W]; caption tokens [1, N, D]."""

    latents: tuple[Tensor, ...]
    text: Tensor


def pictures_shown(folder: Path, text: Tensors) -> list[Shown]:
    """The pictures of a folder, in the order of their names; `text` is the text tower."""
    paths = sorted(folder.glob("*.jpg"))
    latents = [tuple(_picture_latents(path, short_side) for short_side in SHORT_SIDES) for path in paths]
    return [Shown(*parts) for parts in zip(latents, _texts(paths, text))]


def clips_shown(folder: Path, text: Tensors) -> list[Shown]:
    """The clips of a folder, in the order of their names; `text` is the text tower."""
    paths = sorted(folder.glob("*.mp4"))
    latents = [(block_latents(read_video(path).frames.movedim(-1, 1)),) for path in paths]
    return [Shown(*parts) for parts in zip(latents, _texts(paths, text))]


def _picture_latents(path: Path, short_side: int) -> Tensor:
    with Image.open(path) as picture:
        scale = short_side / min(picture.size)
        width, height = (
            round(length * scale) // PIXELS_PER_LATENT * PIXELS_PER_LATENT for length in picture.size
        )
        pixels = np.array(picture.resize((width, height), Image.Resampling.LANCZOS))
    return block_latents(torch.from_numpy(pixels).movedim(-1, 0)[None].float() / 255)


def _texts(paths: Sequence[Path], text: Tensors) -> list[Tensor]:
    """What the host's CLIP makes of the captions beside the files."""
    from stylecrafter_core.comfy_host.text import load_clip

    clip = load_clip({f"model.{name}": tensor for name, tensor in text.items()}, "the tiny base")
    captions = [path.with_suffix(".txt").read_text(encoding="utf-8") for path in paths]
    return [clip.encode_from_tokens(clip.tokenize(caption)).float() for caption in captions]


def draw(
    shown: Sequence[Shown], count: int, num_frames: int, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Parts of `count` things: latents [B, 4, SIDE, SIDE] and text [B, N, D], B = count · num_frames."""
    parts, texts = [], []
    for _ in range(count):
        item = shown[_below(len(shown), random)]
        latents = item.latents[_below(len(item.latents), random)]
        frames, _, height, width = latents.shape
        first = _below(frames - num_frames + 1, random)
        top, left = _below(height - SIDE + 1, random), _below(width - SIDE + 1, random)
        parts.append(latents[first : first + num_frames, :, top : top + SIDE, left : left + SIDE])
        texts.append(item.text.expand(num_frames, -1, -1))
    return torch.cat(parts), torch.cat(texts)


def _below(end: int, random: torch.Generator) -> int:
    return int(torch.randint(end, (), generator=random))
