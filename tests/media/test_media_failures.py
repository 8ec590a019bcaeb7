"""What cannot be written or read: the message, and that nothing stays behind."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from films import moving_square, plain

from stylecrafter_core.errors import InputError, MediaError
from stylecrafter_core.media import FORMATS, read_video, write_video

ROOT = Path(__file__).parents[2]


def film_path(folder: Path, name: str) -> Path:
    return folder / f"film{FORMATS[name].extension}"


@pytest.mark.parametrize(
    ("frames", "what", "found"),
    [
        (torch.zeros(0, 8, 8, 3), "holds no frames", "[0, 8, 8, 3]"),
        (torch.zeros(2, 0, 8, 3), "holds no frames", "[2, 0, 8, 3]"),
        (torch.zeros(8, 8, 3), "is not a batch of frames", "[8, 8, 3]"),
        ([1, 2], "is not a batch of frames", "list"),
        (torch.zeros(2, 3, 8, 8), "does not hold pictures", "[2, 3, 8, 8]"),
        (torch.zeros(2, 8, 8, 3, dtype=torch.uint8), "does not hold pictures", "uint8"),
    ],
)
def test_frames_of_the_wrong_kind(tmp_path, frames, what, found):
    with pytest.raises(InputError, match=f"The input `images` {what}") as error:
        write_video(frames, tmp_path / "film.mp4", format="mp4", frame_rate=8)
    assert found in error.value.found
    assert error.value.expected
    assert error.value.fix
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", FORMATS)
def test_no_numbers_in_a_late_frame(tmp_path, name, value):
    film = moving_square(6)
    film[4, 10, 10, 1] = value
    with pytest.raises(
        InputError, match=r"The input `images` holds values that are not numbers, in frame 5 of 6"
    ):
        write_video(film, film_path(tmp_path, name), format=name, frame_rate=8)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "name_of_input"),
    [
        ({"format": "avi"}, "format"),
        ({"frame_rate": 0}, "frame_rate"),
        ({"frame_rate": -8.0}, "frame_rate"),
        ({"frame_rate": float("nan")}, "frame_rate"),
        ({"frame_rate": float("inf")}, "frame_rate"),
        ({"loop_count": -1}, "loop_count"),
        ({"loop_count": 65536}, "loop_count"),
        ({"crf": -1}, "crf"),
        ({"crf": 52}, "crf"),
        ({"format": "webm", "crf": 64}, "crf"),
        ({"format": "webp", "crf": 101}, "crf"),
    ],
)
def test_settings_out_of_range(tmp_path, options, name_of_input):
    settings = {"format": "mp4", "frame_rate": 8, **options}
    with pytest.raises(InputError, match=f"The input `{name_of_input}`") as error:
        write_video(plain((0.5,)), tmp_path / "film", **settings)
    assert error.value.found == (
        repr(options["format"]) if name_of_input == "format" else str(options[name_of_input])
    )
    assert list(tmp_path.iterdir()) == []


class Stop(Exception):  # noqa: N818 - stands for the host's interrupt, which is no error
    """Raised by the progress function."""


@pytest.mark.parametrize("stop_at", [0, 1, 7])
@pytest.mark.parametrize("name", FORMATS)
def test_an_interrupt_passes_and_leaves_nothing(tmp_path, name, stop_at):
    def progress(done: int) -> None:
        if done >= stop_at:
            raise Stop

    with pytest.raises(Stop):
        write_video(
            moving_square(12), film_path(tmp_path, name), format=name, frame_rate=8, progress=progress
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_an_interrupt_keeps_the_file_that_was_there(tmp_path, name):
    path = film_path(tmp_path, name)
    write_video(plain((0.5,)), path, format=name, frame_rate=8)

    def progress(done: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        write_video(moving_square(12), path, format=name, frame_rate=8, progress=progress)
    assert len(read_video(path).frames) == 3


FULL_DISK = """
import resource, signal, sys, torch
from pathlib import Path
from stylecrafter_core.errors import MediaError
from stylecrafter_core.media import write_video

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    write_video(torch.rand(30, 128, 128, 3), Path(sys.argv[1]), format=sys.argv[2], frame_rate=10, crf=2)
except MediaError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes to stand for a full disk")
@pytest.mark.parametrize("name", FORMATS)
def test_a_disk_that_takes_no_more(tmp_path, name):
    """Real failing writes, in a process that may write 20 KB per file."""
    path = film_path(tmp_path, name)
    command = [sys.executable, "-c", FULL_DISK, str(path), name, "20000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"{path} cannot be written: File too large" in done.stdout
    assert "MB free" in done.stdout
    assert "Write a shorter or smaller video" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_the_message_of_a_full_disk(tmp_path, name, monkeypatch):
    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    path = film_path(tmp_path, name)
    with pytest.raises(MediaError, match="cannot be written: No space left on device") as error:
        write_video(plain((0.5,)), path, format=name, frame_rate=10)
    assert str(path) in error.value.what
    assert str(tmp_path) in error.value.found
    assert "MB free" in error.value.found
    assert "Free some space" in error.value.fix
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_that_cannot_be_made(tmp_path, name):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MediaError, match="cannot be written") as error:
        write_video(plain((0.5,)), tmp_path / "file" / "film", format=name, frame_rate=10)
    assert "filename_prefix" in error.value.fix
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@contextlib.contextmanager
def without_privileges():
    """As a user who is not the superuser, who may write anywhere."""
    if os.getuid() != 0:
        yield
        return
    nobody = 65534
    os.setresuid(nobody, nobody, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_without_permission(name):
    # Not in tmp_path: pytest closes its folders to other users.
    with tempfile.TemporaryDirectory() as folder:
        write_video(plain((0.5,)), film_path(Path(folder), name), format=name, frame_rate=10)
        closed = Path(folder) / "closed"
        closed.mkdir()
        Path(folder).chmod(0o755)
        closed.chmod(0o555)
        with (
            without_privileges(),
            pytest.raises(MediaError, match="cannot be written: Permission denied") as error,
        ):
            write_video(plain((0.5,)), film_path(closed, name), format=name, frame_rate=10)
        closed.chmod(0o755)
        assert list(closed.iterdir()) == []
    assert "this user may not write there" in error.value.found
    assert "Let the user that runs ComfyUI write there" in error.value.fix


def test_a_png_folder_is_not_overwritten(tmp_path):
    write_video(plain((0.5,)), tmp_path / "film", format="png", frame_rate=10)
    with pytest.raises(MediaError, match="cannot be written: Directory not empty"):
        write_video(plain((0.1,), 1), tmp_path / "film", format="png", frame_rate=10)
    assert len(list((tmp_path / "film").iterdir())) == 3


@pytest.mark.parametrize("suffix", [".mp4", ".webp", ".gif"])
def test_reading_what_is_no_video(tmp_path, suffix):
    page = tmp_path / f"film{suffix}"
    page.write_text("<html>not found</html>")
    for path in (page, tmp_path / f"missing{suffix}"):
        with pytest.raises(MediaError, match="cannot be read as a video") as error:
            read_video(path)
        assert str(path) in error.value.what


def test_reading_an_empty_folder(tmp_path):
    with pytest.raises(MediaError, match="cannot be read as a video") as error:
        read_video(tmp_path)
    assert error.value.found == "no frames in it"


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module")
@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_file_is_said_or_read_in_part(tmp_path, name):
    """Cut in half, nothing else than a MediaError comes out, or the frames that are there."""
    path = film_path(tmp_path, name)
    written = write_video(moving_square(8), path, format=name, frame_rate=8)
    file = written.files[0]
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    try:
        assert len(read_video(path).frames) <= 8
    except MediaError as error:
        assert str(path) in error.what  # noqa: PT017 - either outcome is fine, another error is not
