"""What `comfy node pack` puts into the registry's archive: all that an artist needs, and little else."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LARGEST_BYTES = 3_000_000  # before the archive compresses it
NEEDED = (
    "__init__.py",
    "README.md",
    "LICENSE",
    "pyproject.toml",
    "requirements.txt",
    "nodes/__init__.py",
    "stylecrafter_core/__init__.py",
    "web/js/video_combine.js",
    "web/docs/StyleCrafterSampler.md",
    "locales/ko/nodeDefs.json",
    "workflows/Style a video with one picture.json",
    "workflows/Style a video with one picture.jpg",
    "workflows/pictures/stylecrafter_irises.jpg",
    "subgraphs/Style a video (StyleCrafter).json",
    "train.py",
)


def listed(*options: str) -> set[str]:
    done = subprocess.run(
        ["git", "ls-files", "-z", *options], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in done.stdout.split("\0") if name}


@pytest.fixture(scope="module")
def archive() -> set[str]:
    """Tracked files less those that .comfyignore names, as comfy-cli packs them."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("the list of files is git's, and this is no checkout")
    return listed() - listed("--cached", "--ignored", "--exclude-from=.comfyignore")


def test_it_is_small(archive: set[str]) -> None:
    assert sum((ROOT / name).stat().st_size for name in archive if (ROOT / name).exists()) <= LARGEST_BYTES


def test_it_holds_what_an_artist_needs(archive: set[str]) -> None:
    assert not set(NEEDED) - archive


def test_it_holds_no_tests_tools_or_weights(archive: set[str]) -> None:
    assert not [name for name in archive if name.startswith(("tests/", "scripts/", "lab/", "weights/"))]


def test_icon_and_banner_are_in_the_repository() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name in ("Icon", "Banner"):
        (path,) = re.findall(
            rf'^{name} = "https://raw\.githubusercontent\.com/[^/]+/[^/]+/main/(.*)"$', text, re.M
        )
        assert (ROOT / path).is_file()
