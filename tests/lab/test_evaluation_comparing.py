"""Comparisons: killed and resumed, with methods that cannot run, by one process and by several."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_host import fake_running_host, workflow
from PIL import Image

from lab.evaluation import comparing
from lab.evaluation.metric_choice import Chosen
from lab.evaluation.report import Column, write_report
from lab.evaluation.scoring import read_scores
from lab.evaluation.shards import Shard
from lab.evaluation.test_set import read_test_set
from stylecrafter_core.errors import InputError
from stylecrafter_core.metrics import Copies

ROOT = Path(__file__).parents[2]
PAIRS = 6


def silent(line):
    pass


@pytest.fixture
def materials(tmp_path):
    """A test set of six pairs, and two workflows."""
    Image.effect_noise((64, 64), 90).convert("RGB").save(tmp_path / "style.png")
    rows = [{"prompt": f"prompt {number}", "style_path": "style.png"} for number in range(PAIRS)]
    (tmp_path / "set.json").write_text(json.dumps(rows), encoding="utf-8")
    for name in ("First", "Second"):
        (tmp_path / f"{name}.json").write_text(json.dumps(workflow(name)), encoding="utf-8")
    return tmp_path


def in_a_process(materials, out, dies_at=0):
    """`compare` of both workflows; its exit status, and what the hosts were asked for."""
    log = materials / f"{out}.log"
    files = [materials / out, materials / "set.json", log, dies_at]
    command = [sys.executable, Path(__file__).with_name("compare_in_a_process.py"), *files]
    command += [materials / "First.json", materials / "Second.json"]
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode, log.read_text(encoding="utf-8").splitlines()


def results_of(folder):
    """Every file of the comparison but the hosts' own, by its path."""
    files = [file for file in folder.rglob("*") if file.is_file() and "hosts" not in file.parts]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_after_a_kill_no_pair_is_lost_and_none_is_made_again(materials):
    status, _ = in_a_process(materials, "whole")
    assert status == 0
    # Lines 1 to 7 are the host and the first method's pairs: 10 is the second's third pair.
    status, asked = in_a_process(materials, "killed", dies_at=10)
    assert status == -signal.SIGKILL
    assert asked[-1] == "Second 9"
    status, asked = in_a_process(materials, "killed")
    assert status == 0
    assert asked[10:] == ["host started", *(f"Second {seed}" for seed in (9, 10, 11, 12))]
    whole, resumed = (results_of(materials / name) for name in ("whole", "killed"))
    scores = {name for name in whole if "scored" in name}  # with times of files
    assert len(scores) == 2 * PAIRS
    assert resumed.keys() == whole.keys()
    assert all(resumed[name] == whole[name] for name in whole.keys() - scores)


def test_a_method_that_cannot_run_is_named_and_the_others_are_compared(materials, monkeypatch):
    monkeypatch.setattr(comparing, "running_host", fake_running_host(materials / "log", fails_at=(8,)))
    out, pairs = materials / "out", read_test_set(materials / "set.json")
    run = comparing.Run(out, 7, {}, None, None, Shard(), silent)
    methods = [str(materials / "First.json"), "videocomposer", str(materials / "Second.json")]
    failed = comparing.compare(run, methods, pairs, Chosen((Copies(),), {}), rows=2)
    first, other, second = failed
    assert first == "First, 0001: The workflow failed in ComfyUI. Found: Sampler: out of memory."
    assert other.startswith("VideoComposer, VideoComposer cannot run.")
    assert second.startswith("Second, 0001: The workflow failed in ComfyUI.")
    assert json.loads((out / "methods.json").read_text(encoding="utf-8")) == {
        "First": "First",
        "Second": "Second",
    }
    assert "5 of 6" in (out / "report.md").read_text(encoding="utf-8")
    assert "out of memory" in (out / "report.html").read_text(encoding="utf-8"), "the page says why"


def test_of_several_processes_the_first_names_each_failed_pair_once(materials, monkeypatch):
    monkeypatch.setattr(comparing, "running_host", fake_running_host(materials / "log", fails_at=(7, 8)))
    pairs, said = read_test_set(materials / "set.json"), {}
    for number in (1, 0):
        shard = Shard(number, 2)
        object.__setattr__(shard, "wait_for_all", lambda: None)
        run = comparing.Run(materials / "out", 7, {}, None, None, shard, silent)
        methods = [str(materials / "First.json")]
        said[number] = comparing.compare(run, methods, pairs, Chosen((Copies(),), {}), rows=2)
    assert said[1] == []
    assert [line.partition(": ")[0] for line in said[0]] == ["First, 0000", "First, 0001"]
    assert all("out of memory" in line for line in said[0])


def test_a_pair_that_failed_and_is_made_later_is_named_no_more(materials, monkeypatch):
    pairs, said = read_test_set(materials / "set.json"), []
    for fails_at in ((8,), ()):
        monkeypatch.setattr(comparing, "running_host", fake_running_host(materials / "log", fails_at))
        run = comparing.Run(materials / "out", 7, {}, None, None, Shard(), silent)
        methods = [str(materials / "First.json")]
        said.append(comparing.compare(run, methods, pairs, Chosen((Copies(),), {}), rows=2))
    assert [len(lines) for lines in said] == [1, 0]
    assert not list((materials / "out").rglob("*.failed"))


def test_one_host_makes_the_results_of_all_methods_and_another_one_goes_on_when_it_has_ended(
    materials, monkeypatch
):
    log, pairs = materials / "log", read_test_set(materials / "set.json")
    monkeypatch.setattr(comparing, "running_host", fake_running_host(log, ends_at=3))
    run = comparing.Run(materials / "out", 7, {}, None, None, Shard(), silent)
    methods = [str(materials / f"{name}.json") for name in ("First", "Second")]
    failed = comparing.compare(run, methods, pairs, Chosen((Copies(),), {}), rows=2)
    assert failed[0].startswith("First, The ComfyUI does not run.")
    assert [line[:11] for line in failed[1:]] == [f"First, 000{number}" for number in (1, 2, 3, 4, 5)]
    seeds, broken = (7, 8, 9, 10, 11, 12), ["host started", "First 7", "First 8"]
    both = [f"{name} {seed}" for name in ("Second", "First") for seed in seeds]
    assert comparing.compare(run, methods, pairs, Chosen((Copies(),), {}), rows=2) == []
    assert log.read_text(encoding="utf-8").splitlines() == [
        *broken,
        *("host started", *both[:6]),
        *("host started", *both[7:]),
    ]


def test_results_of_other_settings_are_not_compared(materials, monkeypatch):
    monkeypatch.setattr(comparing, "running_host", fake_running_host(materials / "log"))
    pairs, methods = read_test_set(materials / "set.json"), [str(materials / "First.json")]
    for seed, expected in ((7, 0), (8, 1)):
        run = comparing.Run(materials / "out", seed, {}, None, None, Shard(), silent)
        failed = comparing.compare(run, methods, pairs, Chosen((Copies(),), {}), rows=2)
        assert len(failed) == expected
    assert "holds results of other settings" in failed[0]


def test_two_columns_of_one_title_are_refused(materials, monkeypatch):
    monkeypatch.setattr(comparing, "running_host", fake_running_host(materials / "log"))
    pairs, out = read_test_set(materials / "set.json"), materials / "out"
    run = comparing.Run(out, 7, {}, None, None, Shard(), silent)
    comparing.compare(run, [str(materials / "First.json")], pairs, Chosen((Copies(),), {}), rows=2)
    column = Column("one", out / "First", read_scores(out / "First" / "scores.json"))
    with pytest.raises(InputError, match="one"):
        write_report([column, column], pairs, out, 2)
