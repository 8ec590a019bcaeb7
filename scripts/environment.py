"""The Python environment of the scripts: made once, then used as it is, also without a network."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).absolute().parent.parent
sys.path.append(str(ROOT))

from stylecrafter_core.errors import StyleCrafterError  # noqa: E402

VENV = ROOT / ".venv"
STAMP = VENV / "stylecrafter-installed.sha256"
OLDEST_PYTHON = (3, 10)
TORCH = ROOT / "scripts" / "requirements-torch.txt"
PACK = ROOT / "requirements.txt"
TRAIN = ROOT / "requirements-train.txt"
LAB = ROOT / "lab" / "requirements.txt"
DEV = ROOT / "scripts" / "requirements-dev.txt"

# Words of pip and of the operating system, and what they mean to the person in front of the screen:
# the cause, what is needed, what to do.
PIP_CAUSES = (
    (
        ("No space left", "Errno 28", "not enough space"),
        "the disk is full",
        "about 10 GB of free space (torch alone takes 5)",
        "free some space and run the same command again",
    ),
    (
        (
            "Failed to establish",
            "NewConnectionError",
            "Name or service not known",
            "name resolution",
            "Max retries",
            "Network is unreachable",
            "ReadTimeout",
            "timed out",
            "ProxyError",
        ),
        "the package registry cannot be reached",
        "a registry that answers, until the set-up has worked once",
        "connect to the network (or set pip's proxy) and run the same command again; once it has worked, "
        "no network is needed any more",
    ),
    (
        ("No matching distribution", "Could not find a version"),
        "the package registry has no version that fits this Python, or it cannot be reached",
        "Python 3.10 to 3.12, and a registry that has packages for it",
        "check the network, and use Python 3.10 to 3.12",
    ),
    (
        ("externally-managed-environment",),
        "this interpreter belongs to the operating system, which forbids installing into it",
        "an environment that pip may install into",
        "leave out --current-interpreter, or activate a virtual environment first",
    ),
)


class SetupError(StyleCrafterError):
    """The environment cannot be made or filled."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The option that every script with a set-up has."""
    parser.add_argument(
        "--current-interpreter",
        action="store_true",
        help="install what is missing into the interpreter that runs this, instead of a .venv of our own",
    )


def say(text: str) -> None:
    """One line of progress, in order with the output of the programs that are started."""
    print(text, flush=True)


def enter(current_interpreter: bool) -> None:
    """Go on in the repository's own `.venv`: makes it when needed and starts the same command in it."""
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError(
            "This Python is too old.",
            found=sys.version.split()[0],
            expected="3.10 or newer",
            fix="use a newer Python",
        )
    if current_interpreter or Path(sys.prefix).resolve() == VENV.resolve():
        return
    if not _works(_venv_python()):
        _make_venv()
    command = [str(_venv_python()), *sys.argv]
    if os.name == "nt":  # exec would return to the shell at once there
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


def install(host: Path, current_interpreter: bool) -> None:
    """Install what every part of the repository needs, unless that was done for the same files."""
    files = [TORCH, PACK, TRAIN, host / "requirements.txt", LAB, DEV]
    if current_interpreter:
        if importlib.util.find_spec("torch") is not None:
            files.remove(TORCH)  # a set that works is left as it is
        say(f"Checking the packages of {sys.prefix}")
        _install_files(files)
        return
    digest = _digest(files)
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == digest:
        say(f"Environment: {VENV} (complete)")
        return
    say(f"Installing packages into {VENV} (about 5 GB the first time: several minutes)")
    STAMP.unlink(missing_ok=True)
    _install_files(files)
    STAMP.write_text(digest, encoding="utf-8")


def run_pip(doing: str, *arguments: str) -> None:
    """Run pip in this interpreter.

    Raises:
        SetupError: pip failed; says what it was doing, the cause in words, and the end of what pip wrote.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise explain_pip(doing, done.stderr or done.stdout)


def explain_pip(doing: str, written: str) -> SetupError:
    """The error for a failed pip run, from what pip wrote."""
    lines = written.strip().splitlines()
    errors = [line for line in lines if line.lower().startswith("error")]
    last_lines = "\n".join((errors or lines)[-6:])
    for marks, cause, needed, fix in PIP_CAUSES:
        if any(mark in written for mark in marks):
            return SetupError(
                f"{doing} failed: {cause}.", found=f"pip wrote\n{last_lines}", expected=needed, fix=fix
            )
    return SetupError(
        f"{doing} failed.",
        found=f"pip wrote\n{last_lines}",
        expected="pip to end without an error",
        fix="see pip's words above, then run the command again",
    )


def _install_files(files: list[Path]) -> None:
    arguments = [argument for file in files for argument in ("-r", str(file))]
    run_pip("Installing packages", "install", *arguments)


def _make_venv() -> None:
    say(f"Making the environment {VENV}")
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise SetupError(
            f"The environment {VENV} cannot be made.",
            found=(done.stderr or done.stdout).strip(),
            expected="a new environment there, with an interpreter and pip of its own",
            fix="install Python's venv module (on Debian and Ubuntu: the package python3-venv), or pass "
            "--current-interpreter from an environment of your own",
        )


def _venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _works(python: Path) -> bool:
    """Whether an environment that may be left over from an interrupted run has an interpreter with pip."""
    if not python.is_file():
        return False
    return (
        subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False).returncode
        == 0
    )


def _digest(files: list[Path]) -> str:
    """Changes when any requirement or the interpreter's version does."""
    content = b"\0".join(file.read_bytes() for file in files)
    return hashlib.sha256(sys.version.encode() + b"\0" + content).hexdigest()
