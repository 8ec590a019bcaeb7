"""evaluate.py with the small weights: nodes of the comparisons and the host's training node make results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.launched

ROOT = Path(__file__).parents[2]
METHODS = ("stylecrafter", "attach_to_text", "fixed_gain", "video_lora")
VALUES = {"steps": 1, "frames": 2, "TrainLoraNode.steps": 2}


def test_each_method_makes_a_result_of_its_own(host: Any, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((128, 128), Image.Resampling.NEAREST).save(tmp_path / "style.png")
    rows = [{"prompt": "a red fox", "style_path": "style.png"}]
    (tmp_path / "set.json").write_text(json.dumps(rows), encoding="utf-8")
    command = [sys.executable, ROOT / "evaluate.py", "compare", "--small", "--cpu", "--metrics", "copies"]
    command += ["--set", tmp_path / "set.json", "--out", tmp_path / "out", "--methods", *METHODS]
    for name, value in VALUES.items():
        command += ["--value", f"{name}={value}"]
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, "COMFYUI_PATH": str(host.path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    films = [frames_of(tmp_path / "out" / name / "0000.mp4") for name in METHODS]
    assert [film.shape for film in films] == [(2, 96, 96, 3)] * len(METHODS)
    for one, film in enumerate(films):
        for other in films[one + 1 :]:
            assert np.abs(film - other).mean() > 0.2, "another method, another film"
    assert all(film.std() > 1 for film in films)


def frames_of(file: Path) -> np.ndarray:
    with av.open(str(file)) as video:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]).astype(float)
