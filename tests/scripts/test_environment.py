"""Set-up of the environment: what is installed, when nothing is done, and what is said when it fails."""

import json
import re
import sys
from pathlib import Path

import environment
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def host(tmp_path):
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / "requirements.txt").write_text("numpy\n")
    return folder


@pytest.fixture
def pip_calls(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(environment, "run_pip", lambda doing, *arguments: calls.append(arguments))
    monkeypatch.setattr(environment, "STAMP", tmp_path / "stamp")
    return calls


def test_second_run_installs_nothing(host, pip_calls):
    environment.install(host, current_interpreter=False)
    environment.install(host, current_interpreter=False)
    assert len(pip_calls) == 1
    assert [Path(name).name for name in pip_calls[0][2::2]] == [
        "requirements-torch.txt",
        "requirements.txt",
        "requirements-train.txt",
        "requirements.txt",
        "requirements.txt",
        "requirements-dev.txt",
    ]


def test_other_requirements_of_the_host_are_installed(host, pip_calls):
    environment.install(host, current_interpreter=False)
    (host / "requirements.txt").write_text("numpy>=2\n")
    environment.install(host, current_interpreter=False)
    assert len(pip_calls) == 2


def test_failed_install_is_tried_again(host, pip_calls, monkeypatch):
    def fail(*_):
        raise environment.SetupError("pip failed")

    environment.install(host, current_interpreter=False)
    (host / "requirements.txt").write_text("numpy>=2\n")
    with monkeypatch.context() as patch:
        patch.setattr(environment, "run_pip", fail)
        with pytest.raises(environment.SetupError):
            environment.install(host, current_interpreter=False)
    environment.install(host, current_interpreter=False)
    assert len(pip_calls) == 2


def test_current_interpreter_keeps_its_own_torch(host, pip_calls):
    environment.install(host, current_interpreter=True)
    assert not any("requirements-torch" in argument for argument in pip_calls[0])


def test_too_old_python_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(environment, "OLDEST_PYTHON", (99, 0))
    with pytest.raises(
        environment.SetupError, match=rf"too old\.\nFound: {re.escape(sys.version.split()[0])}"
    ):
        environment.enter(current_interpreter=False)


@pytest.mark.parametrize(
    ("written", "cause", "needed", "fix"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "disk is full",
            "10 GB",
            "free some space",
        ),
        (
            "WARNING: Retrying after NewConnectionError('Failed to establish a new connection')",
            "cannot be reached",
            "a registry that answers",
            "connect",
        ),
        (
            "ERROR: No matching distribution found for torch==2.11.0",
            "no version that fits",
            "Python 3.10",
            "check the network",
        ),
        (
            "error: externally-managed-environment",
            "belongs to the operating system",
            "pip may install into",
            "virtual environment",
        ),
        ("ERROR: something else", "Installing failed", "without an error", "pip's words"),
    ],
)
def test_pip_failures_are_explained(written, cause, needed, fix):
    error = environment.explain_pip("Installing", written)
    assert cause in error.what
    assert needed in error.expected
    assert fix in error.fix
    assert written in error.found


def test_pip_that_fails_is_reported(tmp_path):
    with pytest.raises(environment.SetupError, match="Reading requirements failed"):
        environment.run_pip("Reading requirements", "install", "-r", str(tmp_path / "absent.txt"))


def test_an_environment_that_cannot_be_made_is_explained(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(environment, "VENV", tmp_path / "file" / ".venv")
    with pytest.raises(environment.SetupError, match="cannot be made") as caught:
        environment.enter(current_interpreter=False)
    error = caught.value
    assert all((error.found, error.expected, error.fix))


@pytest.mark.parametrize(
    ("file", "field"), [("requirements.txt", "dependencies"), ("requirements-train.txt", "train")]
)
def test_requirements_file_and_project_file_agree(file, field):
    """Installers of node packs read the one, Python's tools the other."""
    listed = (ROOT / file).read_text().splitlines()
    project = re.search(
        rf"^{field} = (\[.*?\])$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL
    )
    assert [line for line in listed if not line.startswith("#")] == json.loads(project.group(1))
