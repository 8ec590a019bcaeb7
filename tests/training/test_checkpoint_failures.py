"""Full disks, kills and damage: the last good checkpoint stays, and what is wrong is named."""

import errno
import itertools
import multiprocessing
import os
import shutil
import signal

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from small_checkpoint import WEIGHTS, names, progress, write_weights

from stylecrafter_core.errors import WeightFileError
from stylecrafter_core.training import checkpoint as checkpoint_module
from stylecrafter_core.training.checkpoint import Checkpoints, read_progress, step_of


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "checkpoints", keep=2)


PROBLEMS = {
    "full disk": OSError(errno.ENOSPC, "No space left on device"),
    "full disk, in safetensors": SafetensorError("I/O error: No space left on device (os error 28)"),
    "full disk, in our format": WeightFileError("a could not be written.", found="No space left on device"),
    "full account": OSError(errno.EDQUOT, "No space left on device"),
}


@pytest.fixture(params=PROBLEMS.values(), ids=PROBLEMS)
def problem(request):
    return request.param


def assert_the_older_one_is_left(checkpoints, action) -> None:
    before = checkpoints.save(progress(5), write_weights)
    content = {path.name: path.read_bytes() for path in before.iterdir()}
    with pytest.raises(WeightFileError, match="No space left") as caught:
        action()
    assert "step-6 could not be written" in caught.value.what
    assert "--resume" in caught.value.fix
    assert "step-5" in caught.value.fix
    assert names(checkpoints.folder) == ["step-5"]
    assert checkpoints.latest() == before
    assert {path.name: path.read_bytes() for path in before.iterdir()} == content
    assert read_progress(before).step == 5


def test_weights_that_cannot_be_written(checkpoints, problem):
    def half(folder):
        (folder / WEIGHTS).write_bytes(b"half")
        raise problem

    assert_the_older_one_is_left(checkpoints, lambda: checkpoints.save(progress(6), half))


def test_a_state_that_cannot_be_written(checkpoints, problem, monkeypatch):
    def full(tensors, path):
        path.write_bytes(b"half")
        raise problem

    def save():
        monkeypatch.setattr(checkpoint_module, "save_file", full)
        checkpoints.save(progress(6), write_weights)

    assert_the_older_one_is_left(checkpoints, save)


def test_a_folder_that_cannot_be_renamed(checkpoints, monkeypatch):
    def refuse(*arguments):
        raise PROBLEMS["full disk"]

    def save():
        monkeypatch.setattr(checkpoint_module.os, "replace", refuse)
        checkpoints.save(progress(6), write_weights)

    assert_the_older_one_is_left(checkpoints, save)


def test_the_first_checkpoint_that_fails_goes_back_to_the_start(checkpoints):
    def full(folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(WeightFileError) as caught:
        checkpoints.save(progress(6), full)
    assert "goes on from the start" in caught.value.fix
    assert names(checkpoints.folder) == []


def test_a_mistake_of_ours_is_not_hidden_and_leaves_no_half_either(checkpoints):
    def broken(folder):
        (folder / WEIGHTS).write_bytes(b"half")
        raise ZeroDivisionError

    checkpoints.save(progress(5), write_weights)
    with pytest.raises(ZeroDivisionError):
        checkpoints.save(progress(6), broken)
    assert names(checkpoints.folder) == ["step-5"]


def test_a_folder_below_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(WeightFileError, match="step-6 could not be written"):
        Checkpoints(tmp_path / "file" / "checkpoints", 2).save(progress(6), write_weights)


def test_what_a_killed_process_left_is_cleared_away(checkpoints):
    half = checkpoints.folder / ".step-3.0a1b2c3d.partial"
    half.mkdir(parents=True)
    (half / WEIGHTS).write_bytes(b"half")
    checkpoints.save(progress(5), write_weights)
    assert names(checkpoints.folder) == ["step-5"]


def killed_at(call: int, checkpoints: Checkpoints) -> None:
    """In a process of its own: saves step 3 and kills itself before that call to the disk."""
    calls = itertools.count(1)

    def counted(function):
        def run(*arguments, **options):
            if next(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return run

    for name in ("replace", "unlink", "rmdir", "mkdir", "open"):
        setattr(os, name, counted(getattr(os, name)))
    checkpoint_module.save_file = counted(checkpoint_module.save_file)
    checkpoints.save(progress(3), counted(write_weights))


def test_a_kill_at_any_moment_leaves_whole_checkpoints_and_nothing_for_ever(tmp_path):
    """SIGKILL before each call to the disk of writing step 3 and deleting step 1."""
    whole = Checkpoints(tmp_path / "whole", 2)
    for step in (1, 2):
        whole.save(progress(step), write_weights)
    for call in itertools.count(1):
        found = Checkpoints(tmp_path / str(call), 2)
        shutil.copytree(whole.folder, found.folder)
        process = multiprocessing.get_context("fork").Process(target=killed_at, args=(call, found))
        process.start()
        process.join(60)
        for checkpoint in found._all():
            assert names(checkpoint) == [WEIGHTS, "optimiser.json", "optimiser.safetensors"]
            assert read_progress(checkpoint).step == step_of(checkpoint)
        assert found.latest().name in ("step-2", "step-3")
        found.clear()
        assert all(name.startswith("step-") for name in names(found.folder))
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    assert call > 8
    assert names(found.folder) == ["step-2", "step-3"]


def test_an_old_one_that_cannot_be_deleted_does_not_end_the_run(checkpoints, monkeypatch, caplog):
    for step in (1, 2):
        checkpoints.save(progress(step), write_weights)

    def refuse(path, **options):
        if path.exists():
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(checkpoint_module.shutil, "rmtree", refuse)
    checkpoints.save(progress(3), write_weights)
    assert [path.name for path in checkpoints._all()] == ["step-2", "step-3"]
    assert "step-1 could not be deleted: [Errno 13] Permission denied" in caplog.text


def cut_off(path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


DAMAGES = {
    "no json": lambda folder: (folder / "optimiser.json").unlink(),
    "empty json": lambda folder: (folder / "optimiser.json").write_bytes(b""),
    "half of the json": lambda folder: cut_off(folder / "optimiser.json"),
    "json of something else": lambda folder: (folder / "optimiser.json").write_text("[1]"),
    "json without bottom": lambda folder: (folder / "optimiser.json").write_text("[" * 100_000),
    "a field is missing": lambda folder: (folder / "optimiser.json").write_text("{}"),
    "no tensors": lambda folder: (folder / "optimiser.safetensors").unlink(),
    "half of the tensors": lambda folder: cut_off(folder / "optimiser.safetensors"),
    "other tensors": lambda folder: save_file({"x": torch.ones(1)}, folder / "optimiser.safetensors"),
    "no average": lambda folder: (folder / "average.safetensors").unlink(),
    "half of the average": lambda folder: cut_off(folder / "average.safetensors"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_named(checkpoints, damage):
    folder = checkpoints.save(progress(5, average={"a": torch.ones(3)}, averaged=5), write_weights)
    damage(folder)
    with pytest.raises(WeightFileError, match="is damaged") as caught:
        read_progress(folder)
    assert str(folder) in caught.value.what
    assert caught.value.found
    assert "--resume takes the one before" in caught.value.fix
