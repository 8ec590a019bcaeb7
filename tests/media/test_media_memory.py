"""Memory stays flat, however long the film."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stylecrafter_core.media import FORMATS

ROOT = Path(__file__).parents[2]
# Resident memory is sampled while frames are written: the peak that the system keeps is inherited from the
# process that started this one, and would hide the growth.
MEASURE = """
import sys, psutil, torch
from pathlib import Path
from stylecrafter_core.media import write_video

def resident_mb():
    return psutil.Process().memory_info().rss / 2**20

# Every frame is the same wide picture seen from a little further right: moving, and free.
wide = torch.nn.functional.interpolate(torch.rand(1, 3, 40, 192), (320, 1536), mode="bilinear")[0]
wide = wide.permute(1, 2, 0).contiguous()
frames = wide.as_strided((int(sys.argv[3]), 320, 512, 3), (3, wide.stride(0), 3, 1))
if sys.argv[4] == "copied":
    frames = frames.contiguous()
    before = resident_mb() - frames.nbytes / 2**20
else:
    before = resident_mb()
during = []
write_video(
    frames, Path(sys.argv[1]), format=sys.argv[2], frame_rate=8,
    progress=lambda done: during.append(resident_mb()),
)
print(max(during) - before)
"""


def growth_mb(folder, name, num_frames, frames="free"):
    """Growth of resident memory, in MB, while a film is written in a process of its own."""
    film = folder / f"film{FORMATS[name].extension}"
    command = [sys.executable, "-c", MEASURE, str(film), name, str(num_frames), frames]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.parametrize(("name", "num_frames"), [("mp4", 1000), ("webm", 400), ("webp", 400), ("gif", 400)])
def test_a_long_film_costs_less_than_100_mb(tmp_path, name, num_frames):
    """An 8-bit copy of all frames would be 491 MB for the mp4 and 197 MB for the others."""
    assert growth_mb(tmp_path, name, num_frames) < 100


def test_the_measurement_sees_a_copy_of_all_frames(tmp_path):
    """60 frames as float32 are 118 MB."""
    assert growth_mb(tmp_path, "mp4", 60, frames="copied") > 100
