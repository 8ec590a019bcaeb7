"""The small family's recipe, a few steps of everything, made once a session."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def run_script(name: str, *arguments: Path | str) -> None:
    """One of the scripts beside this file, in a process of its own, on one thread."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(name)), *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="session")
def small_family(host: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe's work folder: data, autoencoder, towers, base and image encoder."""
    folder = tmp_path_factory.mktemp("small")
    run_script("small_family_run.py", folder, host.path, "sixteen")
    return folder / "work"


@pytest.fixture(scope="session")
def family_of_eight(host: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work folder of the recipe that goes on from the published weights."""
    folder = tmp_path_factory.mktemp("eight")
    run_script("small_family_run.py", folder, host.path, "eight")
    return folder / "work"
