"""Memory while a long video is written."""

from __future__ import annotations

import subprocess
import sys

from environment import ROOT, say

# Resident memory is asked for at every frame: the peak that the system keeps is inherited from the parent.
PROGRAM = """
import sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import psutil, torch
from stylecrafter_core.media import write_video
frames = torch.rand(1000, 1, 512, 1).expand(-1, 320, -1, 3)
resident = lambda: psutil.Process().memory_info().rss
before, during = resident(), []
with tempfile.TemporaryDirectory() as folder:
    write_video(
        frames, Path(folder) / "long.mp4", format="mp4", frame_rate=8,
        progress=lambda done: during.append(resident()),
    )
print("MEBIBYTES", (max(during) - before) / 2**20)
"""


def growth_mebibytes() -> float:
    """Greatest growth of resident memory while 1,000 frames of 320×512 are written, encoder included.

    The frames are views of one row each, so copying all of them would show.
    """
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT)], check=True, capture_output=True, text=True
    )
    return float(run.stdout.split()[-1])


def report() -> None:
    """Print it."""
    say(f"memory growth while writing 1,000 frames of 320x512 as mp4: {growth_mebibytes():.0f} MiB")
