"""Generating: once each, resumed, shared; what fails is named and the others go on."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from fake_host import fake_running_host, workflow
from PIL import Image

from lab.evaluation.generating import Job, generate, stands
from lab.evaluation.host import end_left_over
from lab.evaluation.methods import Method
from lab.evaluation.shards import Shard
from lab.evaluation.test_set import Pair
from stylecrafter_core.errors import InputError

ALONE = Shard()


def silent(line):
    pass


class Bench:
    """A folder with a reference, four pairs and a workflow."""

    def __init__(self, folder: Path):
        self.folder, self.log = folder, folder / "log"
        Image.new("RGB", (8, 8), "red").save(folder / "style.png")
        (folder / "flow.json").write_text(json.dumps(workflow("Painter")), encoding="utf-8")
        self.pairs = [Pair(number, f"prompt {number}", (folder / "style.png",)) for number in range(4)]

    def job(self, method=None, **changes):
        method = method or Method("ours", "", self.folder / "flow.json")
        return replace(Job(method, self.pairs, self.out, 10, {}), **changes)

    @property
    def out(self):
        return self.folder / "out"

    def generate(self, job, shard=ALONE, say=silent, **faults):
        host = partial(fake_running_host(self.log, **faults), None, self.folder, shard)
        return generate(job, host, shard, say)

    def lines(self):
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.is_file() else []


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_every_pair_is_made_once_with_its_settings_beside_it(bench):
    said = []
    assert bench.generate(bench.job(), say=said.append) == []
    assert bench.lines() == ["host started", *(f"Painter {seed}" for seed in (10, 11, 12, 13))]
    assert "(4 of 4, 0 s left)" in said[-1]
    record = json.loads((bench.out / "0002.json").read_text(encoding="utf-8"))
    assert record["settings"]["seed"] == 12
    assert record["settings"]["prompt"] == record["workflow"]["name"]["inputs"]["text"] == "prompt 2"
    assert record["file"] == "0002.png"
    bench.generate(bench.job())
    assert len(bench.lines()) == 5, "nothing is missing: not even a host is started"
    (bench.out / "0001.png").unlink()
    bench.generate(bench.job())
    assert bench.lines()[5:] == ["host started", "Painter 11"]


def test_what_fails_is_named_in_one_line_and_the_others_are_made(bench):
    bench.pairs[0] = Pair(0, " ", bench.pairs[0].references)
    bench.pairs[2] = Pair(2, "prompt 2", (bench.folder / "nowhere.png",))
    failed = bench.generate(bench.job(), fails_at=(11,))
    empty, broken, missing = failed
    assert empty.startswith("0000: Pair 0000 has no prompt.")
    assert broken == "0001: The workflow failed in ComfyUI. Found: Sampler: out of memory."
    assert missing.startswith("0002: The picture")
    assert "nowhere.png" in missing
    whole = ["0003.json", "0003.png"]
    notes = [f"000{number}.failed" for number in (0, 1, 2)]
    assert sorted(file.name for file in bench.out.iterdir()) == [*notes, *whole]
    assert f"0001: {(bench.out / notes[1]).read_text(encoding='utf-8').strip()}" == broken
    assert stands(bench.job())


def test_results_of_other_settings_are_refused_in_every_process(bench):
    bench.generate(bench.job(pairs=bench.pairs[:1]))
    for shard in (Shard(0, 2), Shard(1, 2)):
        with pytest.raises(InputError, match=r"another seed in 0000\.json"):
            bench.generate(bench.job(seed=99), shard)
    assert not stands(bench.job(seed=99))


def test_processes_share_the_pairs_and_make_what_one_makes(bench):
    bench.generate(bench.job())
    alone = {file.name: file.read_bytes() for file in bench.out.iterdir()}
    for file in bench.out.iterdir():
        file.unlink()
    bench.log.unlink()
    for number in (1, 0):
        bench.generate(bench.job(), Shard(number, 2))
    second, first = ["Painter 11", "Painter 13"], ["Painter 10", "Painter 12"]
    assert bench.lines() == ["host started", *second, "host started", *first]
    assert {file.name: file.read_bytes() for file in bench.out.iterdir()} == alone


def test_a_method_that_lacks_something_makes_nothing(bench):
    with pytest.raises(InputError, match="a graphics card: not there"):
        bench.generate(bench.job(Method("needs more", "", bench.folder / "flow.json")))
    with pytest.raises(InputError, match="no implementation"):
        bench.generate(bench.job(Method("nobody's", "", None, note="nowhere")))
    assert bench.lines() == ["host started"], "for what has no workflow, none is started"
    assert not stands(bench.job())


def test_a_server_that_a_killed_process_left_behind_is_ended(tmp_path):
    waiting = [sys.executable, "-c", "import time; time.sleep(60)"]
    left = subprocess.Popen([*waiting, "--base-directory", str(tmp_path / "host-0")])
    other = subprocess.Popen([*waiting, "--base-directory", str(tmp_path / "host-1")])
    try:
        end_left_over(tmp_path / "host-0")
        assert left.poll() is not None
        assert other.poll() is None
    finally:
        for process in (left, other):
            process.kill()
            process.wait()
