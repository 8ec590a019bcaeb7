"""Every check of this repository: lints, types, and tests of the core, in two real ComfyUIs and in a browser.

python scripts/test.py                        in a .venv of our own, made and filled when needed
python scripts/test.py --current-interpreter  in the interpreter that runs this
COMFYUI_PATH=... python scripts/test.py       tests in that ComfyUI in place of the newest pinned one

The browser is a Chromium, installed where this runs as root on Debian or Ubuntu; screenshots are in .page/.
Two steps run at a time; what one says is shown when it has ended. Goes on after a failure. The last line is
"N passed, N failed, N skipped"; the exit status is 0 only if nothing failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO

import browser
import environment
import pinned_hosts
from environment import ROOT, say

from stylecrafter_core.errors import StyleCrafterError
from stylecrafter_core.training.host.find import check_version, find_host

STEPS_AT_A_TIME = 2  # each keeps about one core busy


@dataclass(frozen=True)
class Outcome:
    """Counts of one or several steps, and what has to be said at the end."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    notes: tuple[str, ...] = ()

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.notes + other.notes,
        )

    @property
    def summary(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True)
class Step:
    """One check: its headline, and what runs it with its output going to a file."""

    headline: str
    run: Callable[[str, IO[str]], Outcome]


def run_program(headline: str, log: IO[str], *arguments: str) -> Outcome:
    """One step that passes or fails as a whole."""
    command = [sys.executable, "-m", *arguments]
    status = subprocess.run(command, cwd=ROOT, check=False, stdout=log, stderr=log).returncode
    if status == 0:
        return Outcome(passed=1)
    return Outcome(failed=1, notes=(f"FAILED {headline} (exit status {status})",))


def run_pytest(
    headline: str, log: IO[str], arguments: Sequence[str], cwd: Path, variables: dict[str, str]
) -> Outcome:
    """One pytest process; its tests are counted."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
            *arguments,
        ]
        environment = _test_environment(variables)
        status = subprocess.run(
            command, cwd=cwd, env=environment, check=False, stdout=log, stderr=log
        ).returncode
        return read_report(headline, report, status)


def read_report(headline: str, report: Path, status: int) -> Outcome:
    """The counts of a JUnit report. A run without one passed test is a failure, whatever pytest says."""
    if not report.is_file():
        return Outcome(
            failed=1, notes=(f"FAILED {headline}: pytest ended with status {status} before any test",)
        )
    passed, failed, notes = 0, 0, []
    skips: list[str] = []
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            notes.append(f"FAILED {headline}: {name}")
        elif skip is not None:
            skips.append(f"SKIPPED {headline}: {name}: {skip.get('message')}")
        else:
            passed += 1
    if passed == 0:
        failed += 1
        notes.append(f"FAILED {headline}: no test ran and passed")
    elif status != 0 and failed == 0:
        failed += 1
        notes.append(f"FAILED {headline}: pytest ended with status {status}")
    return Outcome(passed, failed, len(skips), (*notes, *skips))


def run_core_tests(headline: str, log: IO[str]) -> Outcome:
    return run_pytest(headline, log, ["tests", "--ignore=tests/host", "--ignore=tests/page"], ROOT, {})


def run_host_tests(headline: str, log: IO[str], find: Callable[[], Path], *selection: str) -> Outcome:
    """The tests in tests/host, in a process whose path starts with the host and never holds our root."""
    try:
        host = find()
    except StyleCrafterError as error:
        return Outcome(failed=1, notes=(f"FAILED {headline}: {error}",))
    arguments = [
        str(ROOT / "tests" / "host"),
        "--import-mode=importlib",
        *(f"--rootdir={ROOT}", f"--config-file={ROOT / 'pyproject.toml'}", f"--confcutdir={ROOT / 'tests'}"),
        *selection,
    ]
    # `python -m` puts the working directory on the path, so that must not be the repository either.
    with tempfile.TemporaryDirectory() as cwd:
        # The networks are tiny: threads would only wait for each other.
        variables = {"STYLECRAFTER_TEST_HOST": str(host), "OMP_NUM_THREADS": "1"}
        return run_pytest(headline, log, arguments, Path(cwd), variables)


def run_page_tests(headline: str, log: IO[str], host: Path) -> Outcome:
    """The tests in tests/page; without a browser they are counted as one that was left out."""
    try:
        chromium = browser.chromium()
    except StyleCrafterError as error:
        return Outcome(skipped=1, notes=(f"SKIPPED {headline}: {error}",))
    variables = {"STYLECRAFTER_PAGE_HOST": str(host), "STYLECRAFTER_CHROMIUM": str(chromium)}
    arguments = ["tests/page", "--import-mode=importlib"]
    return run_pytest(headline, log, arguments, ROOT, {**variables, "OMP_NUM_THREADS": "1"})


def newest_host() -> Path:
    """The ComfyUI that COMFYUI_PATH names, else the newest pinned one."""
    host = find_host() if os.environ.get("COMFYUI_PATH") else pinned_hosts.ensure(pinned_hosts.NEWEST)
    check_version(host)
    return host


def steps_in(host: Path) -> list[Step]:
    """Every step, the longest first: the others pass beside it."""
    version = ".".join(map(str, check_version(host)))
    oldest = pinned_hosts.OLDEST
    return [
        Step(
            f"ComfyUI {version}, in process and served",
            lambda name, log: run_host_tests(name, log, lambda: host),
        ),
        Step(f"the page of ComfyUI {version} in Chromium", lambda name, log: run_page_tests(name, log, host)),
        Step("ruff check", lambda name, log: run_program(name, log, "ruff", "check", ".")),
        Step("ruff format", lambda name, log: run_program(name, log, "ruff", "format", "--check", ".")),
        Step("mypy", lambda name, log: run_program(name, log, "mypy")),
        Step("core tests", run_core_tests),
        Step(
            f"ComfyUI {oldest.version}, in process",
            # Its server needs another front end than the newest one's, so it is not served here; and what
            # training does in processes of its own does not depend on the host's version.
            lambda name, log: run_host_tests(
                name, log, lambda: pinned_hosts.ensure(oldest), "-m", "not served and not launched"
            ),
        ),
    ]


def run_all(steps: Sequence[Step]) -> Outcome:
    """Every step, whether or not an earlier one failed."""
    screen = Lock()

    def run(step: Step) -> Outcome:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
            outcome = step.run(step.headline, log)
            log.seek(0)
            with screen:
                say(f"\n=== {step.headline} ===\n{log.read()}--- {step.headline}: {outcome.summary}")
        return outcome

    with ThreadPoolExecutor(STEPS_AT_A_TIME) as pool:
        return sum(pool.map(run, steps), Outcome())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment.add_arguments(parser)
    arguments = parser.parse_args()
    try:
        environment.enter(arguments.current_interpreter)
        host = newest_host()
        environment.install(host, arguments.current_interpreter)
    except StyleCrafterError as error:
        total = Outcome(failed=1, notes=(f"FAILED set-up: {error}",))
    else:
        total = run_all(steps_in(host))
    say("")
    for note in total.notes:
        say(note)
    say(total.summary)
    return 0 if total.failed == 0 else 1


def _test_environment(variables: dict[str, str]) -> dict[str, str]:
    """Without a PYTHONPATH that could bring our root in, and with model hubs told to stay offline."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "COMFYUI_PATH")
    }
    return {**inherited, "HF_HUB_OFFLINE": "1", **variables}


if __name__ == "__main__":
    sys.exit(main())
