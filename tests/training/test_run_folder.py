"""A run folder explains itself, is never overwritten, and belongs to one process at a time."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from config_samples import small_config

from stylecrafter_core.errors import InputError
from stylecrafter_core.training.config import load_config
from stylecrafter_core.training.run_folder import (
    CONFIG,
    ENVIRONMENT,
    LOCK,
    check_free,
    environment,
    locked,
    open_run,
)

ROOT = Path(__file__).parents[2]
COMMAND = ["train.py", "style", "--config", "a.yaml"]


@pytest.fixture
def config_of(tmp_path):
    """`config_of(*overrides)`: a config that runs in `tmp_path/run`."""
    return lambda *overrides: small_config(tmp_path, f"run.dir={tmp_path / 'run'}", *overrides)


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_run_explains_itself(config_of, tmp_path):
    config = config_of("optimiser.args={eps: 1e-6}")
    open_run(config, "style", COMMAND, resume=False)
    assert names(tmp_path / "run") == [CONFIG, ENVIRONMENT]
    assert load_config(tmp_path / "run" / CONFIG) == config
    about = json.loads((tmp_path / "run" / ENVIRONMENT).read_text())
    assert (about["stage"], about["command"]) == ("style", COMMAND)
    assert about["python"] == sys.version.split()[0]


def test_the_environment_names_versions_and_hardware():
    about = environment()
    assert about["packages"]["torch"]
    assert about["packages"]["accelerate"]
    assert about["processors"] == os.cpu_count()
    assert isinstance(about["gpus"], list)


def test_a_run_is_never_overwritten(config_of, tmp_path):
    open_run(config_of(), "style", COMMAND, resume=False)
    before = {path: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(InputError, match="is in use: nothing is overwritten") as caught:
        open_run(config_of("run.seed=5"), "style", COMMAND, resume=False)
    assert str(tmp_path / "run") in caught.value.what
    assert CONFIG in caught.value.found
    assert "--resume" in caught.value.fix
    assert {path: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@pytest.mark.parametrize(
    "check", [lambda c: check_free(c), lambda c: open_run(c, "style", COMMAND, resume=False)]
)
def test_a_folder_with_other_things_is_left_alone(config_of, tmp_path, check):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "holiday.jpg").write_text("x")
    with pytest.raises(InputError, match="holds other things") as caught:
        check(config_of())
    assert caught.value.found == "holiday.jpg"
    assert "another run.dir" in caught.value.fix
    assert names(tmp_path / "run") == ["holiday.jpg"]


def test_what_a_run_makes_before_it_starts_is_no_other_thing(config_of, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / LOCK).write_text("{}")
    (folder / ENVIRONMENT).write_text("{}")  # of a start that was killed before it had written the config
    config = config_of()
    open_run(config, "style", COMMAND, resume=False)
    assert load_config(folder / CONFIG) == config


def test_a_resume_of_the_same_run(config_of, tmp_path):
    open_run(config_of(), "style", COMMAND, resume=False)
    before = {path: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    open_run(config_of(), "style", ["another", "command"], resume=True)
    assert {path: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_resume_where_nothing_is_yet_is_a_start(config_of, tmp_path):
    open_run(config_of(), "style", COMMAND, resume=True)
    assert names(tmp_path / "run") == [CONFIG, ENVIRONMENT]


MAY_DIFFER = [
    "run.checkpoint_every=7",
    "run.keep_checkpoints=9",
    "run.validate_every=3",
    "run.sample_every=2",
    "run.log_every=1",
    "run.tensorboard=true",
    "data.workers=2",
    "samples.prompts=[a fox]",
]
MUST_NOT = [
    ("run.seed=1", "run.seed: 0 then, 1 now"),
    ("data.image_batch=2", "data.image_batch: 4 then, 2 now"),
    ("data.cache=c", "data.cache: None then, 'c' now"),
    ("optimiser.lr=1e-4", "optimiser.lr: 0.001 then, 0.0001 now"),
    ("optimiser.args={eps: 1e-6}", "optimiser.args: {} then, {'eps': 1e-06} now"),
    ("method.gain=fixed", "method.gain: 'predicted' then, 'fixed' now"),
    ("base.checkpoint=b", "base.checkpoint: 'base.safetensors' then, 'b' now"),
    ("engine.kind=fsdp2", "engine.kind: 'accelerate' then, 'fsdp2' now"),
]


@pytest.mark.parametrize("override", MAY_DIFFER)
def test_what_trains_nothing_else_may_differ(config_of, override):
    open_run(config_of(), "style", COMMAND, resume=False)
    open_run(config_of(override), "style", COMMAND, resume=True)


@pytest.mark.parametrize(("override", "words"), MUST_NOT)
def test_another_setting_is_named(config_of, tmp_path, override, words):
    open_run(config_of(), "style", COMMAND, resume=False)
    with pytest.raises(InputError, match="was started with other settings") as caught:
        open_run(config_of(override), "style", COMMAND, resume=True)
    assert caught.value.found == words
    assert str(tmp_path / "run") in caught.value.what
    assert CONFIG in caught.value.fix


def test_another_stage_is_named_first(config_of):
    open_run(config_of(), "style", COMMAND, resume=False)
    with pytest.raises(InputError) as caught:
        open_run(config_of("run.seed=1"), "temporal", COMMAND, resume=True)
    assert caught.value.found == "the stage: style then, temporal now; run.seed: 0 then, 1 now"


BROKEN = {
    "no environment": lambda folder: (folder / ENVIRONMENT).unlink(),
    "half an environment": lambda folder: (folder / ENVIRONMENT).write_text('{"sta'),
    "no stage": lambda folder: (folder / ENVIRONMENT).write_text("{}"),
    "an empty config": lambda folder: (folder / CONFIG).write_text(""),
    "a config of something else": lambda folder: (folder / CONFIG).write_text("run: [1]"),
    "an environment without bottom": lambda folder: (folder / ENVIRONMENT).write_text("[" * 100_000),
    "a config without bottom": lambda folder: (folder / CONFIG).write_text("[" * 10_000),
    "no YAML": lambda folder: (folder / CONFIG).write_text("run: ["),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_folder_that_is_no_run_cannot_go_on(config_of, tmp_path, damage):
    open_run(config_of(), "style", COMMAND, resume=False)
    damage(tmp_path / "run")
    with pytest.raises(InputError, match="is not a run folder that can be resumed") as caught:
        open_run(config_of(), "style", COMMAND, resume=True)
    assert CONFIG in caught.value.expected


OLDER = {
    "a field less": lambda saved: saved["optimiser"].pop("style_norm_lr"),
    "an empty section": lambda saved: saved.update(engine=None),
}


@pytest.mark.parametrize("age", OLDER.values(), ids=OLDER)
def test_what_an_older_config_lacks_was_as_by_default(config_of, tmp_path, age):
    open_run(config_of(), "style", COMMAND, resume=False)
    path = tmp_path / "run" / CONFIG
    saved = yaml.safe_load(path.read_text())
    age(saved)
    path.write_text(yaml.safe_dump(saved))
    open_run(config_of(), "style", COMMAND, resume=True)
    with pytest.raises(InputError) as caught:
        open_run(config_of("optimiser.style_norm_lr=5", "engine.kind=fsdp2"), "style", COMMAND, resume=True)
    assert "optimiser.style_norm_lr: 1.0 then, 5.0 now" in caught.value.found
    assert "engine.kind: 'accelerate' then, 'fsdp2' now" in caught.value.found


@pytest.mark.parametrize(
    "hold", [lambda c: locked(c.run.dir).__enter__(), lambda c: open_run(c, "style", [], True)]
)
def test_a_file_in_the_place_of_the_folder(config_of, tmp_path, hold):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(InputError, match="cannot be made") as caught:
        hold(config_of())
    assert "another run.dir" in caught.value.fix


def test_the_folder_is_held_while_a_run_is_in_it(tmp_path):
    with locked(tmp_path / "run"):
        with pytest.raises(InputError, match="is in use") as caught, locked(tmp_path / "run"):
            pass
        assert LOCK in caught.value.found
        assert "another run.dir" in caught.value.fix
        with pytest.raises(InputError, match="is in use"), locked(tmp_path / "run"):
            pass  # the second one took nothing away
    with locked(tmp_path / "run"):
        pass


def test_the_folder_is_free_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with locked(tmp_path):
        pass


HOLD = """
import sys
from pathlib import Path
from stylecrafter_core.training.run_folder import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


def test_a_process_that_is_killed_lets_go(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="is in use"), locked(tmp_path):
            pass
        process.kill()
        process.wait()
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1, "started": 0}'])
def test_the_lock_file_of_an_older_version_holds_nobody_off(tmp_path, content):
    (tmp_path / LOCK).write_text(content)
    with locked(tmp_path):
        pass


def contend(folder, barrier, held, rounds):
    """Try for the lock together with others, again and again; tells how often it was held."""
    for number in range(rounds):
        barrier.wait()
        try:
            with locked(folder / str(number)):
                held[number] += 1
                barrier.wait()
        except InputError:
            barrier.wait()


def test_of_two_runs_at_one_moment_one_holds_the_folder(tmp_path):
    rounds, context = 40, multiprocessing.get_context("fork")
    barrier, held = context.Barrier(2), context.Array("i", rounds)
    processes = [context.Process(target=contend, args=(tmp_path, barrier, held, rounds)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert list(held) == [1] * rounds


def test_changed_files_are_named_and_refused_unless_asked_for(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    for name in ("base.safetensors", "encoder.safetensors"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "pictures.jsonl").write_text('{"root": "a"}\n{"path": "one"}\n')
    config = small_config(tmp_path, f"run.dir={tmp_path / 'run'}")
    open_run(config, "style", COMMAND, resume=False)
    (tmp_path / "pictures.jsonl").write_text('{"root": "moved"}\n{"path": "one"}\n')
    open_run(config, "style", COMMAND, resume=True)
    (tmp_path / "pictures.jsonl").write_text('{"root": "a"}\n{"path": "one"}\n{"path": "two"}\n')
    (tmp_path / "base.safetensors").write_bytes(b"another")
    with pytest.raises(InputError, match="is not what it was") as caught:
        open_run(config, "style", COMMAND, resume=True)
    assert caught.value.found == "other content: base.checkpoint, data.manifests[0]"
    assert "--accept-changed-files" in caught.value.fix
    open_run(config, "style", COMMAND, resume=True, accept_changed_files=True)
    assert "From here on with changed files: base.checkpoint, data.manifests[0]" in caplog.text
    open_run(config, "style", COMMAND, resume=True)


def test_a_run_from_before_there_were_hashes_goes_on(config_of, tmp_path):
    open_run(config_of(), "style", COMMAND, resume=False)
    file = tmp_path / "run" / ENVIRONMENT
    about = json.loads(file.read_text())
    file.write_text(json.dumps({name: value for name, value in about.items() if name != "files"}))
    open_run(config_of(), "style", COMMAND, resume=True)
    assert json.loads(file.read_text()) == about


def test_a_run_may_be_made_longer(config_of, tmp_path):
    open_run(config_of(), "style", COMMAND, resume=False)
    open_run(config_of("run.steps=20"), "style", COMMAND, resume=True)
    assert load_config(tmp_path / "run" / CONFIG).run.steps == 20
