"""Sample grids: a row per reference, a column per prompt, made by the real sampler."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..files import written_whole
from ..media import write_video

log = logging.getLogger(__name__)

GAP = 4  # pixels between pictures
FRAME_RATE = 8


@dataclass(frozen=True)
class Reference:
    """A style picture: what is shown [H, W, 3] in 0..1, and its CLIP tokens [1, L, W]."""

    picture: Tensor
    clip_tokens: Tensor


def draw_grid(
    references: Sequence[Reference], prompts: Sequence[str], draw: Callable[[Reference, str], Tensor]
) -> Tensor:
    """[T, H, W, 3] in 0..1: each row a reference, then what `draw` gives for each prompt."""
    rows = []
    for reference in references:
        frames = [draw(reference, prompt) for prompt in prompts]
        shape = frames[0].shape
        rows.append(_row([_fitted(reference.picture, shape[1], shape[2]).expand(shape), *frames]))
    return torch.cat(rows, dim=1)


def write_grid(grid_THW3: Tensor, path: Path) -> None:
    """The middle frame as `<path>.png`, and all frames as `<path>.mp4` where there are several."""
    middle = (grid_THW3[len(grid_THW3) // 2] * 255).round().to(torch.uint8).numpy()
    with written_whole(path.with_suffix(".png")) as partial:
        Image.fromarray(middle).save(partial, format="PNG")
    if len(grid_THW3) > 1:
        write_video(grid_THW3, path.with_suffix(".mp4"), format="mp4", frame_rate=FRAME_RATE)


def _row(parts: list[Tensor]) -> Tensor:
    padded = [torch.nn.functional.pad(part, (0, 0, 0, GAP, 0, GAP)) for part in parts]
    return torch.cat(padded, dim=2)


def _fitted(picture_HW3: Tensor, height: int, width: int) -> Tensor:
    """The whole picture inside the size, on black."""
    old_height, old_width = picture_HW3.shape[:2]
    factor = min(height / old_height, width / old_width)
    size = max(1, round(old_height * factor)), max(1, round(old_width * factor))
    scaled = torch.nn.functional.interpolate(
        picture_HW3.movedim(-1, 0)[None], size=size, mode="bicubic", antialias=True
    )[0].clamp(0, 1)
    fitted = torch.zeros(3, height, width)
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    fitted[:, top : top + size[0], left : left + size[1]] = scaled
    return fitted.movedim(0, -1)
