"""The command that makes what the tiny configs train on; tests/host/test_materials.py has what it makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COMMAND = Path(__file__).parents[2] / "lab" / "make_tiny_materials.py"


def test_without_comfyui_it_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, COMMAND, "--out", tmp_path / "made"],
        env={**os.environ, "COMFYUI_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "COMFYUI_PATH does not name a ComfyUI folder." in done.stderr
    assert not (tmp_path / "made").exists()
