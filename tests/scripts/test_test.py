"""How scripts/test.py counts: no run without a passed test may look like success."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from threading import Barrier

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def runner():
    spec = importlib.util.spec_from_file_location("stylecrafter_test_runner", ROOT / "scripts" / "test.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(runner, tmp_path):
    def run_source(source: str):
        (tmp_path / "test_sample.py").write_text(source)
        arguments = [str(tmp_path), f"--rootdir={tmp_path}"]
        return runner.run_pytest("sample", None, arguments, tmp_path, {})

    return run_source


def test_each_result_is_counted_and_named(run):
    outcome = run(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 1 == 2\n"
        "def test_left_out(): pytest.skip('no card here')\n"
    )
    assert outcome.summary == "1 passed, 1 failed, 1 skipped"
    assert outcome.notes[0].startswith("FAILED sample: ")
    assert "test_bad" in outcome.notes[0]
    assert "test_left_out" in outcome.notes[1]
    assert "no card here" in outcome.notes[1]


def test_all_passed(run):
    assert run("def test_good(): pass\n").summary == "1 passed, 0 failed, 0 skipped"


@pytest.mark.parametrize(
    "source",
    ["", "import pytest\ndef test_left_out(): pytest.skip('never')\n"],
    ids=["nothing collected", "all skipped"],
)
def test_no_passed_test_is_a_failure(run, source):
    outcome = run(source)
    assert outcome.failed == 1
    assert "FAILED sample: no test ran and passed" in outcome.notes


def test_file_that_cannot_be_imported_is_a_failure(run):
    assert run("import no_such_module_anywhere\n").failed >= 1


def test_pytest_that_does_not_start_is_a_failure(runner, tmp_path):
    outcome = runner.run_pytest("sample", None, ["--no-such-option"], tmp_path, {})
    assert outcome.summary == "0 passed, 1 failed, 0 skipped"


def test_later_steps_run_after_a_failure(runner, monkeypatch, tmp_path, capsys):
    def host_stub():
        raise runner.StyleCrafterError("no ComfyUI here")

    monkeypatch.setattr(runner, "check_version", lambda host: (0, 3, 75))
    monkeypatch.setattr(runner, "run_program", lambda name, log, *arguments: runner.Outcome(failed=1))
    monkeypatch.setattr(runner, "run_pytest", lambda *arguments: runner.Outcome(passed=3))
    monkeypatch.setattr(runner.pinned_hosts, "ensure", lambda host: host_stub())
    monkeypatch.setattr(runner.browser, "chromium", lambda: Path("/usr/bin/chromium"))
    total = runner.run_all(runner.steps_in(tmp_path))
    assert total.summary == "9 passed, 4 failed, 0 skipped"
    assert total.notes == ("FAILED ComfyUI 0.3.52, in process: no ComfyUI here",)


def test_each_step_shows_what_it_said_in_one_piece(runner, capfd):
    both_speak = Barrier(runner.STEPS_AT_A_TIME)

    def speak(name, log):
        for word in ("first", "second"):
            both_speak.wait(timeout=10)  # so that each speaks while the other does
            outcome = runner.run_program(name, log, "this_module_is_not_there" + word)
        return outcome

    runner.run_all([runner.Step(name, speak) for name in ("left", "right")])
    said = capfd.readouterr().out
    blocks = said.strip().split("\n\n")
    assert {block.splitlines()[0] for block in blocks} == {"=== left ===", "=== right ==="}
    for block in blocks:
        assert block.index("there" + "first") < block.index("there" + "second") < block.index("0 passed")


def test_without_a_browser_the_page_is_counted_as_left_out(runner, monkeypatch, tmp_path):
    monkeypatch.setattr(runner.browser.shutil, "which", lambda name: None)
    outcome = runner.run_page_tests("the page", None, tmp_path)
    assert outcome.summary == "0 passed, 0 failed, 1 skipped"
    assert outcome.notes[0].startswith("SKIPPED the page: There is no Chromium.")


def test_a_browser_is_installed_where_that_is_allowed(runner, monkeypatch):
    asked = []
    there = {"apt-get": "/usr/bin/apt-get"}

    def install(command, **options):
        asked.append(command[2])
        there["chromium"] = "/usr/bin/chromium"
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(runner.browser.shutil, "which", there.get)
    monkeypatch.setattr(runner.browser.os, "geteuid", lambda: 0)
    monkeypatch.setattr(runner.browser.subprocess, "run", install)
    assert runner.browser.chromium() == Path("/usr/bin/chromium")
    assert asked == ["update", "install"]


def test_a_browser_that_cannot_be_installed_is_said(runner, monkeypatch):
    monkeypatch.setattr(runner.browser.shutil, "which", {"apt-get": "/usr/bin/apt-get"}.get)
    monkeypatch.setattr(runner.browser.os, "geteuid", lambda: 0)
    failed = subprocess.CompletedProcess([], 100, "", "E: Could not resolve the host")
    monkeypatch.setattr(runner.browser.subprocess, "run", lambda *given, **options: failed)
    with pytest.raises(runner.StyleCrafterError, match="Could not resolve the host"):
        runner.browser.chromium()


def test_set_up_that_fails_ends_with_the_counts(tmp_path):
    """The whole script, told to use a ComfyUI that is not there."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "test.py"), "--current-interpreter"],
        env={"COMFYUI_PATH": str(tmp_path / "absent"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "absent: no such folder" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"
