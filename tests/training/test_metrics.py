"""The lines of metrics.jsonl."""

import json
import sys

import pytest

from stylecrafter_core.errors import InputError
from stylecrafter_core.training.metrics import FILE, Metrics


def lines(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / FILE).read_text("utf-8").splitlines()]


def test_a_line_per_step(tmp_path):
    with Metrics(tmp_path, 0, tensorboard=False) as metrics:
        metrics.write(1, "train", {"loss": 0.5, "loss_per_bin": [0.1, None], "data": "image"})
        metrics.write(1, "validation", {"loss": 0.25})
    assert lines(tmp_path) == [
        {"step": 1, "kind": "train", "loss": 0.5, "loss_per_bin": [0.1, None], "data": "image"},
        {"step": 1, "kind": "validation", "loss": 0.25},
    ]


def test_a_line_is_on_the_disk_as_soon_as_it_is_written(tmp_path):
    metrics = Metrics(tmp_path, 0, tensorboard=False)
    for step in range(1, 4):
        metrics.write(step, "train", {"loss": 1.0})
        assert [line["step"] for line in lines(tmp_path)] == list(range(1, step + 1))


def test_numbers_that_json_does_not_know_become_null(tmp_path):
    nan, infinite = float("nan"), float("inf")
    with Metrics(tmp_path, 0, tensorboard=False) as metrics:
        metrics.write(1, "train", {"loss": nan, "gradient_norm": infinite, "loss_per_bin": [1.5, nan, None]})
    (line,) = (tmp_path / FILE).read_text().splitlines()
    found = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert (found["loss"], found["gradient_norm"], found["loss_per_bin"]) == (None, None, [1.5, None, None])


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    with Metrics(tmp_path, 0, tensorboard=False) as metrics:
        metrics.path = tmp_path / "gone" / FILE
        with pytest.raises(InputError, match="measurements cannot be written") as caught:
            metrics.write(1, "train", {"loss": 1.0})
    assert "--resume" in caught.value.fix


def test_lines_after_the_resumed_step_are_taken_out(tmp_path):
    before = Metrics(tmp_path, 0, tensorboard=False)
    for step in range(1, 8):
        before.write(step, "train", {"loss": float(step)})
        if step == 5:
            before.write(step, "validation", {"loss": 0.0})
    after = Metrics(tmp_path, 5, tensorboard=False)
    after.write(6, "train", {"loss": 60.0})
    assert [(line["step"], line["loss"]) for line in lines(tmp_path)] == [
        *((step, float(step)) for step in range(1, 6)),
        (5, 0.0),
        (6, 60.0),
    ]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


HALVES = [
    '{"step": 3, "kind": "tr',
    '{"st',
    "{}",
    "[3]",
    "3",
    "\x00\x00\x00",
    '{"step": null}',
    '{"step": 1e999}',
]


@pytest.mark.parametrize("half", [*HALVES, pytest.param("[" * 100_000, id="deep")])
def test_a_line_that_a_kill_cut_short_is_taken_out(tmp_path, half):
    whole = '{"step": 1, "kind": "train"}\n{"step": 2, "kind": "train"}\n'
    (tmp_path / FILE).write_text(whole + half)
    Metrics(tmp_path, 5, tensorboard=False).write(3, "train", {})
    assert (tmp_path / FILE).read_text() == whole + '{"step": 3, "kind": "train"}\n'


def test_a_start_from_nothing_leaves_no_line(tmp_path):
    (tmp_path / FILE).write_text('{"step": 1, "kind": "train"}\n')
    Metrics(tmp_path, 0, tensorboard=False)
    assert lines(tmp_path) == []


def test_tensorboard_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match="TensorBoard events cannot be written") as caught:
        Metrics(tmp_path, 0, tensorboard=True)
    assert "run.tensorboard" in caught.value.found
    assert "pip install tensorboard" in caught.value.fix


class Writer:
    """Stands for TensorBoard's writer."""

    def __init__(self, folder: str, purge_step: int):
        self.folder, self.purge_step = folder, purge_step
        self.scalars: list[tuple] = []
        self.closed = False

    def add_scalar(self, *scalar: object) -> None:
        self.scalars.append(scalar)

    def close(self) -> None:
        self.closed = True


def test_tensorboard_gets_the_numbers(tmp_path, monkeypatch):
    made = []
    module = type(sys)("tensorboard")
    module.SummaryWriter = lambda *args, **options: made.append(Writer(*args, **options)) or made[0]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    with Metrics(tmp_path, 4, tensorboard=True) as metrics:
        metrics.write(
            5, "train", {"loss": 0.5, "samples": 3, "data": "image", "loss_per_bin": [1.0], "none": None}
        )
    (writer,) = made
    assert writer.folder == str(tmp_path / "tensorboard")
    assert writer.purge_step == 5, (
        "step 4 is done and stays; TensorBoard takes out this one and all later ones"
    )
    assert writer.scalars == [("train/loss", 0.5, 5), ("train/samples", 3, 5)]
    assert writer.closed
