"""`train.py` in a Python that lacks a package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def without(package: str, *arguments: str) -> subprocess.CompletedProcess:
    """The command where importing the package fails as it does when it is not installed."""
    lines = (
        "import runpy, sys",
        f"sys.modules[{package!r}] = None",
        f"sys.argv = {['train.py', *arguments]!r}",
        f"sys.path.insert(0, {str(ROOT)!r})",
        f"runpy.run_path({str(ROOT / 'train.py')!r}, run_name='__main__')",
    )
    return subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)


def test_a_missing_package_is_named_with_the_command_that_installs_it(tmp_path):
    done = without("av", "prepare", str(tmp_path), "--out", str(tmp_path / "pictures.jsonl"))
    assert done.returncode == 2
    assert "no av in" in done.stderr
    assert "pip install -r requirements.txt -r requirements-train.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_part_of_the_pack_itself_is_a_defect(tmp_path):
    done = without("stylecrafter_core.training.data", "prepare", str(tmp_path), "--out", "pictures.jsonl")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
