"""What the disk refuses ends a command with words, not with a traceback."""

import sys

import environment
import measure_small
import miniature
import pinned_hosts
import publish_small
import pytest


@pytest.mark.parametrize("command", [measure_small, miniature, publish_small])
def test_an_error_of_the_disk_is_said(command, monkeypatch, tmp_path, capsys):
    """A file stands where a folder is needed."""
    (tmp_path / "runs").touch()
    monkeypatch.setattr(sys, "argv", [command.__name__])
    monkeypatch.setattr(environment, "enter", lambda _current_interpreter: None)
    monkeypatch.setattr(pinned_hosts, "usable_host", (tmp_path / "runs" / "small").mkdir)
    assert command.main() == 1
    said = capsys.readouterr().out
    assert "Not a directory" in said
    assert str(tmp_path / "runs") in said
