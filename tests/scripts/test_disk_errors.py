"""What the disk refuses ends a command with words, not with a traceback."""

import sys

import environment
import pinned_hosts
import pytest

from lab import make_small_data, measure_small, miniature, publish_small, train_small


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (make_small_data, ("--out", "data")),
        (measure_small, ()),
        (miniature, ()),
        (publish_small, ()),
        (train_small, ()),
    ],
)
def test_an_error_of_the_disk_is_said(command, words, monkeypatch, tmp_path, capsys):
    """A file stands where a folder is needed."""
    (tmp_path / "runs").touch()
    monkeypatch.setattr(sys, "argv", ["", *words])
    monkeypatch.setattr(environment, "enter", lambda _current_interpreter: None)
    monkeypatch.setattr(pinned_hosts, "usable_host", (tmp_path / "runs" / "small").mkdir)
    assert command.main() == 1
    said = capsys.readouterr().out
    assert "Not a directory" in said
    assert str(tmp_path / "runs") in said
