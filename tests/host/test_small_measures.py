"""Every measurement of the small family at a reduced size: its rows are there and mean what they say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_family import run_script

pytestmark = pytest.mark.launched

OF_PICTURES = {"style_nearest", "style_similarity", "subject_recognised", "copy"}
OF_VIDEOS = OF_PICTURES | {"warp_error", "warp_error_masked", "motion_percent", "contrast"}


@pytest.fixture(scope="module")
def measured(host, small_family, tmp_path_factory) -> Path:
    """A folder with what `lab/measure_small.py` writes."""
    folder = tmp_path_factory.mktemp("measures")
    run_script("small_measures_run.py", small_family, folder, host.path)
    return folder


def record(folder: Path, topic: str) -> dict[str, Any]:
    return json.loads((folder / f"{topic}.json").read_text(encoding="utf-8"))


def row(folder: Path, table: str, name: str) -> list[str]:
    """The cells of a table's row, by its first cell."""
    lines = (folder / f"{table}.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return next(cells for cells in rows if cells[0] == name)


def mean(values: Any) -> str:
    return f"{np.mean(values):.3f}"


def test_held_out_pairs_are_judged_in_their_style_and_without(measured):
    found = record(measured, "held_out")
    styled, base = found["values"]["styled"], found["values"]["base alone"]
    assert set(styled) == set(base) == OF_PICTURES
    assert all(np.shape(values) == (2, 2) for values in styled.values())
    assert styled["style_similarity"] != base["style_similarity"]
    cells = row(measured, "held_out", "its own reference is the nearest of 20")
    assert cells[1].split()[0] == mean(styled["style_nearest"])
    assert cells[2] == "0.050"
    assert row(measured, "held_out", "plain scenes that the judge recognises")[2] == "0.125"


def test_bounds_are_judged_before_and_after_the_autoencoder(measured):
    found = record(measured, "bounds")
    assert found["prompts"] == record(measured, "held_out")["prompts"]
    assert len(found["values"]) == 4
    for name, of in found["values"].items():
        assert set(of) == OF_PICTURES
        assert row(measured, "bounds", name)[2].split()[0] == mean(of["style_similarity"])
    plain, styled = (found["values"][name] for name in ("plain scene", "AdaIN of its reference"))
    coded = found["values"]["AdaIN of its reference, through the autoencoder"]
    assert plain["subject_recognised"][0] == plain["subject_recognised"][1], (
        "the same scenes for all paintings"
    )
    assert plain["style_similarity"] != styled["style_similarity"] != coded["style_similarity"]


def test_the_curve_begins_at_the_base_alone_and_passes_the_default(measured):
    values, pairs = record(measured, "curve")["values"], record(measured, "held_out")["values"]
    assert list(values) == ["0", "1"]
    assert values["0"] == pairs["base alone"]
    assert values["1"] == pairs["styled"]
    cells = row(measured, "curve", "1")
    assert cells[1].split()[0] == mean(pairs["styled"]["style_nearest"])
    change = np.subtract(values["1"]["style_nearest"], values["0"]["style_nearest"])
    assert cells[5].split()[0] == mean(change)
    assert row(measured, "curve", "0")[5:] == ["", ""]


def test_the_grid_holds_the_defaults_and_the_base_alone(measured):
    values, pairs = record(measured, "grid")["values"], record(measured, "held_out")["values"]
    assert values["7"]["3"] == pairs["styled"]
    assert values["7"]["0"] == pairs["base alone"]
    assert values["1"]["3"] != values["7"]["3"]
    assert row(measured, "grid_style_nearest", "7")[1].startswith(
        f"{np.mean(pairs['base alone']['style_nearest']):.2f}"
    )
    assert row(measured, "grid_subject_recognised", "1")[2].startswith(
        f"{np.mean(values['1']['3']['subject_recognised']):.2f}"
    )


def test_each_scales_effect_is_averaged_over_the_other(measured):
    values = record(measured, "grid")["values"]
    for name, column in (("style_nearest", 1), ("subject_recognised", 2)):
        cells = np.array([[cell[name] for cell in of.values()] for of in values.values()])
        for scale, change in (
            ("text scale 1 → 7", cells[1] - cells[0]),
            ("style scale 0 → 3", cells[:, 1] - cells[:, 0]),
        ):
            assert row(measured, "grid_effects", scale)[column].split()[0] == mean(change)


def test_the_stages_differ_in_time(measured):
    first, second = (record(measured, "time")["values"][stage] for stage in ("stage 1", "stage 2"))
    assert set(first) == set(second) == OF_VIDEOS
    assert first["warp_error"] != second["warp_error"]
    assert np.min(first["motion_percent"]) > 0
    _, one, other, difference, ratio = row(measured, "time", "warp error (×10⁻³)")
    change = np.mean(second["warp_error"]) - np.mean(first["warp_error"])
    assert [one.split()[0], other.split()[0]] == [mean(first["warp_error"]), mean(second["warp_error"])]
    assert float(difference.split()[0]) == pytest.approx(change, abs=1e-3)
    assert float(ratio.split()[0]) == pytest.approx(1 + change / np.mean(first["warp_error"]), abs=1e-3)
    relative = np.divide(second["warp_error"], second["contrast"])
    assert row(measured, "time", "warp error / contrast")[2].split()[0] == mean(relative)


def test_gains_have_a_row_for_each_kind_of_style(measured):
    found = record(measured, "gains")
    assert not set(found["rich"]) & set(found["plain"])
    short = found["values"]["short"]
    assert np.shape(short["rich"]) == np.shape(short["plain"]) == (len(found["rich"]), 2)
    assert 0 < np.min(short["rich"]) <= np.max(short["rich"]) < 2
    assert row(measured, "gains", "rich styles")[1].split()[0] == mean(short["rich"])
    assert row(measured, "gains", "rich − plain")[3] == ""


def test_a_record_says_of_which_weights_it_is(measured, small_family):
    base = hashlib.sha256((small_family / "base.safetensors").read_bytes()).hexdigest()
    for topic in ("held_out", "bounds", "curve", "grid", "time", "gains"):
        assert record(measured, topic)["weights"]["base"] == {"file": "base.safetensors", "sha256": base}


def test_the_document_has_every_table_that_was_measured(measured):
    page = (measured / "page.md").read_text(encoding="utf-8")
    tables = [file for file in measured.glob("*.md") if file.stem != "page"]
    assert len(tables) == 8
    assert all(file.read_text(encoding="utf-8") in page for file in tables)
    assert page.count("not measured") == 5, "those of the ablations"


@pytest.mark.parametrize("name", ["held_out", "bounds", "curve", "grid", "time", "gains"])
def test_the_document_shows_every_picture_that_was_made(measured, name):
    assert f"](images/page_{name}.jpg)" in (measured / "page.md").read_text(encoding="utf-8")
    with (
        Image.open(measured / f"{name}.png") as made,
        Image.open(measured / "images" / f"page_{name}.jpg") as shown,
    ):
        difference = np.asarray(made.convert("RGB"), dtype=int) - np.asarray(shown, dtype=int)
    assert abs(difference).mean() < 4


@pytest.mark.parametrize("name", ["held_out", "bounds", "curve", "grid", "time", "gains"])
def test_pictures_are_written(measured, name):
    with Image.open(measured / f"{name}.png") as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=int)
    assert (np.ptp(pixels, axis=-1) > 30).sum() > 500, "colours, which no word of the sheet has"


def test_a_base_that_has_learnt_next_to_nothing_passes_no_gate(measured):
    """That it does not is asserted in the process; here are its sixteen pictures, of the task's side."""
    with Image.open(measured / "gates" / "gate_base.png") as drawn:
        assert drawn.size == (8 * 96, 2 * 96)
        assert np.asarray(drawn).std() > 1
    assert [file.name for file in (measured / "gates").glob("content_judge_*")] == [
        "content_judge_eight_0_40_2.safetensors"
    ]
