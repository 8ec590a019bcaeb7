"""Memory while a long video is written."""

from __future__ import annotations

import subprocess
import sys

from environment import ROOT, say

PROGRAM = """
import resource, sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
from stylecrafter_core.media import write_video
frames = torch.rand(1000, 1, 512, 1).expand(-1, 320, -1, 3)
with tempfile.TemporaryDirectory() as folder:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write_video(frames, Path(folder) / "long.mp4", format="mp4", frame_rate=8)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print("MEBIBYTES", (after - before) / (2**20 if sys.platform == "darwin" else 2**10))
"""


def growth_mebibytes() -> float:
    """Growth of peak memory while 1,000 frames of 320×512 are written, the encoder's libraries included.

    The frames are views of one row each, so that copying all of them would show.
    """
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT)], check=True, capture_output=True, text=True
    )
    return float(run.stdout.split()[-1])


def report() -> None:
    """Print it."""
    say(f"memory growth while writing 1,000 frames of 320x512 as mp4: {growth_mebibytes():.0f} MiB")
