"""Scoring results: what decoding beside embedding gains, and memory by a clip's length."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from environment import ROOT, say
from torch import Tensor
from torch.nn import functional as F

from lab.evaluation.frames import Opened, decoded_ahead, pieces_of
from lab.evaluation.package_embedders import StyleNumbers
from lab.evaluation.style_distance import StyleDistance
from lab.measures import cosine_distances
from stylecrafter_core.media import write_video
from stylecrafter_core.metrics import Metric, Wanted, measure

from .timing import in_turn, ratio

FILMS, FRAMES, SIZE = 2, 32, (320, 512)
ROUNDS = 2
SHORT, LONG = 100, 400  # frames

# In a process of its own: memory that was freed before would be used again.
PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import psutil, torch
from lab.evaluation.frames import decoded_ahead
from stylecrafter_core.metrics import Copies, Motion, Wanted, measure
resident = lambda: psutil.Process().memory_info().rss
wanted = Wanted((torch.rand(160, 256, 3),))
def watched(pieces):
    for piece in pieces:
        yield piece
        during.append(resident())
for file in map(Path, sys.argv[2:]):
    before, during = resident(), []
    for opened in decoded_ahead([file], lambda file: wanted, lambda file: file):
        measure((Copies(), Motion()), watched(opened.pieces), wanted)
    print("MEBIBYTES", (max(during) - before) / 2**20)
"""


def report() -> None:
    """Print both."""
    with TemporaryDirectory(prefix="stylecrafter-") as folder:
        _report_speed(Path(folder))
        short, long = (growth_mebibytes(Path(folder), frames) for frames in (SHORT, LONG))
    say(f"memory growth while scoring frames of 160x256: {short:.0f} MiB for {SHORT}, {long:.0f} for {LONG}")


def _report_speed(folder: Path) -> None:
    films = [folder / f"{number}.mp4" for number in range(FILMS)]
    for number, film in enumerate(films):
        picture = _picture(SIZE, number)
        write_video(
            torch.stack([picture.roll(2 * t, 1) for t in range(FRAMES)]), film, format="mp4", frame_rate=8.0
        )
    metrics = (StyleDistance(StyleNumbers(), cosine_distances),)
    wanted = Wanted((torch.rand(256, 256, 3),))
    seconds = in_turn(
        {
            "in turn": lambda: _in_turn(films, metrics, wanted),
            "decoded ahead": lambda: _ahead(films, metrics, wanted),
        },
        ROUNDS,
    )
    rate = FILMS * FRAMES / min(seconds["decoded ahead"])
    say(f"scoring by style numbers, frames of {SIZE[0]}x{SIZE[1]}: {rate:.1f} frames per second")
    say(f"decoding and embedding in turn over decoded ahead: {ratio(seconds, 'in turn', 'decoded ahead')}")


def _in_turn(films: Sequence[Path], metrics: Sequence[Metric], wanted: Wanted) -> None:
    for film in films:
        measure(metrics, pieces_of(film), wanted)


def _ahead(films: Sequence[Path], metrics: Sequence[Metric], wanted: Wanted) -> None:
    for opened in decoded_ahead(films, lambda film: wanted, lambda film: film):
        assert isinstance(opened, Opened)
        measure(metrics, opened.pieces, opened.asked)


def growth_mebibytes(folder: Path, frames: int) -> float:
    """Greatest growth of resident memory while a clip of so many frames is scored; one of 20 went before."""
    warm, film = folder / "warm.mp4", folder / f"{frames}.mp4"
    for file, length in ((warm, 20), (film, frames)):
        still = _picture((160, 256), 0).expand(length, -1, -1, -1)
        write_video(still, file, format="mp4", frame_rate=8.0)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT), str(warm), str(film)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(run.stdout.split()[-1])


def _picture(size: tuple[int, int], seed: int) -> Tensor:
    """[H, W, 3] in 0..1, with soft blotches."""
    coarse = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, size=size, mode="bicubic")[0].movedim(0, -1).clamp(0, 1)
