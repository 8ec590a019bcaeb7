"""The paper in miniature at a size that says nothing of quality: a row of each table, made by its command."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.launched

ROOT = Path(__file__).parents[2]
PAINTINGS, PROMPTS = 2, 2
NUMBER = r"(-?\d+\.\d{3}) \[(-?\d+\.\d{3}), (-?\d+\.\d{3})\]"
TRAINED_A_LITTLE = ("data.image_batch=2", "data.validation=0", "samples.steps=1")

Command = Callable[..., subprocess.CompletedProcess]


def launched(host: Path, *words: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "COMFYUI_PATH": str(host), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def command(host, small_family, tmp_path_factory) -> Command:
    """Runs the comparison in `folder`."""
    train = str(ROOT / "train.py")
    data = small_family / "data"
    for name, sources in (("pictures", ("pictures", "paintings")), ("clips", ("clips",))):
        manifest = small_family / f"{name}.jsonl"
        folders = [str(data / source) for source in sources]
        done = launched(host.path, train, "prepare", *folders, "--out", str(manifest))
        assert done.returncode == 0, done.stderr[-2000:]

    def run(folder: Path, style_steps: int = 2, *more: str) -> subprocess.CompletedProcess:
        settings = [part for one in TRAINED_A_LITTLE for part in ("--set", one)]
        return launched(
            host.path,
            *(str(Path(__file__).with_name("miniature_run.py")), str(host.path)),
            *("--family", str(small_family), "--work", str(folder), "--judges", str(folder)),
            *("--document", str(folder / "miniature.md"), "--only", "full", "fixed_gain", "two_stages"),
            *("--seeds", "0", "--style-steps", str(style_steps), "--temporal-steps", "1", "--steps", "2"),
            *("--paintings", str(PAINTINGS), "--prompts", str(PROMPTS)),
            *("--judge-scenes", "64", "--judge-steps", "2", *settings, *more),
        )

    return run


@pytest.fixture(scope="module")
def compared(command, tmp_path_factory) -> Path:
    """The folder of a comparison."""
    folder = tmp_path_factory.mktemp("miniature")
    done = command(folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def row_of(folder: Path, table: str, title: str) -> list[str]:
    """The cells of the first row of that title in a table of the document."""
    text = (folder / "miniature.md").read_text(encoding="utf-8")
    lines = text.split(f"<!-- table: {table} -->")[1].split("<!-- end of table -->")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line]
    return next(row for row in rows if row[0] == title)


def scores_of(folder: Path, name: str) -> dict:
    return json.loads((folder / "scores" / f"{name}-0.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("table", "title", "name", "measures", "paper"),
    [
        (
            "miniature_pictures",
            "full",
            "full",
            ("subject_recognised", "style_nearest", "style_similarity", "copy"),
            ["0.3028", "0.4836"],
        ),
        (
            "miniature_videos",
            "full, two stages",
            "two_stages",
            ("subject_recognised", "style_nearest", "warp_error", "warp_error_masked", "motion_percent"),
            ["0.2726", "0.4531", "18.73"],
        ),
    ],
)
def test_a_row_holds_the_mean_of_every_measure_and_the_papers_numbers(
    compared, table, title, name, measures, paper
):
    row, values = row_of(compared, table, title), scores_of(compared, name)["values"]
    assert row[1] == "1"
    assert row[2 + len(measures) :] == paper
    for cell, measure in zip(row[2:], measures):
        mean, low, high = map(float, re.fullmatch(NUMBER, cell).groups())
        assert np.shape(values[measure]) == (PAINTINGS, PROMPTS)
        assert mean == pytest.approx(np.mean(values[measure]), abs=6e-4)
        assert low <= mean <= high
    for share in ("subject_recognised", "style_nearest"):
        assert 0 <= np.min(values[share]) <= np.max(values[share]) <= 1


def test_variants_are_scored_on_the_same_pairs(compared):
    full, fixed = (scores_of(compared, name) for name in ("full", "fixed_gain"))
    for what in ("paintings", "prompts", "settings"):
        assert full[what] == fixed[what]


@pytest.mark.parametrize(
    ("fixed_gain", "difference", "verdict"),
    [
        ([[0.2, 0.1], [0.3, 0.2]], "-0.300 [-0.300, -0.300]", "yes"),
        ([[0.6, 0.6], [0.8, 0.8]], "0.200 [0.100, 0.300]", "no"),
        ([[0.5, 0.4], [0.5, 0.6]], "0.000 [-0.100, 0.100]", "open"),
    ],
)
def test_a_difference_is_that_of_the_same_pairs(compared, command, tmp_path, fixed_gain, difference, verdict):
    folder = tmp_path / "again"
    shutil.copytree(compared, folder)
    for name, values in (("full", [[0.5, 0.4], [0.6, 0.5]]), ("fixed_gain", fixed_gain)):
        scores = scores_of(folder, name)
        scores["values"]["subject_recognised"] = values
        (folder / "scores" / f"{name}-0.json").write_text(json.dumps(scores), encoding="utf-8")
    done = command(folder)
    assert done.returncode == 0, done.stderr[-2000:]
    row = row_of(folder, "miniature_pictures_differences", "fixed gain")
    assert row[2:] == [difference, "-0.0221", verdict]


def test_the_settings_say_what_was_trained_on_and_scored(compared):
    settings = dict(
        row_of(compared, "miniature_settings", name)
        for name in ("trained on", "pictures: paintings × prompts", "videos: paintings × prompts")
    )
    assert re.fullmatch(r"\d+ pictures, 4 clips", settings["trained on"])
    assert {settings[f"{kind}: paintings × prompts"] for kind in ("pictures", "videos")} == {"2 × 2"}


def test_a_variant_that_is_not_scored_says_so(compared):
    assert row_of(compared, "miniature_pictures", "attach to text")[2] == "not measured"


def test_the_pictures_show_every_scored_variant(compared):
    # The reference and two variants; the reference and eight frames. Words take 120 pixels, a column 100.
    columns = {}
    for name in ("pictures", "videos"):
        with Image.open(compared / "images" / f"miniature_{name}.jpg") as picture:
            columns[name] = (picture.width - 120) // 100
    assert columns == {"pictures": 3, "videos": 9}


def test_the_same_folder_takes_no_other_training(compared, command):
    done = command(compared, style_steps=3)
    assert done.returncode == 2
    assert "style_steps: 2" in done.stderr
    assert "--work" in done.stderr


def test_a_folder_that_was_begun_with_other_pictures_is_refused(compared, command, tmp_path):
    folder = tmp_path / "begun"
    folder.mkdir()
    about = json.loads((compared / "comparison.json").read_text(encoding="utf-8"))
    assert len(about["family"].pop("pictures.jsonl")) == 64
    (folder / "comparison.json").write_text(json.dumps(about), encoding="utf-8")
    done = command(folder)
    assert done.returncode == 2
    assert "family: " in done.stderr
    assert "clips: " not in done.stderr


def test_settings_that_the_trainer_refuses_leave_the_folder_as_it_was(command, tmp_path):
    done = command(tmp_path, 2, "--set", "data.image_bacth=8")
    assert done.returncode == 2
    assert "image_bacth" in done.stderr
    assert list(tmp_path.iterdir()) == []
