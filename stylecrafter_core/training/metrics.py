"""What a run measured: one JSON object per line, and TensorBoard events where asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import InputError
from ..files import written_whole
from .finite import plain

FILE = "metrics.jsonl"


class Metrics:
    """Appends to `metrics.jsonl`.

    Args:
        folder: of the run.
        step: steps done before; lines of later steps, from a run that was killed, are taken out.
        tensorboard: also write events, if the package is there.

    Raises:
        InputError: TensorBoard is asked for and not installed.
    """

    def __init__(self, folder: Path, step: int, tensorboard: bool):
        self.path = folder / FILE
        self._cut(step)
        self._events: Any = _events(folder / "tensorboard", step) if tensorboard else None

    def write(self, step: int, kind: str, values: dict[str, Any]) -> None:
        """One line.

        Args:
            step: steps done.
            kind: "train" or "validation".
            values: plain numbers, lists and texts; numbers that are not finite become null.

        Raises:
            InputError: the disk refuses.
        """
        line = json.dumps({"step": step, "kind": kind, **{k: plain(v) for k, v in values.items()}})
        with self._explained(), self.path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
        if self._events is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self._events.add_scalar(f"{kind}/{name}", value, step)

    def __enter__(self) -> Metrics:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write out what is still in memory."""
        if self._events is not None:
            self._events.close()

    def _cut(self, step: int) -> None:
        if not self.path.exists():
            return
        lines = self.path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if (done := _step_of(line)) is not None and done <= step]
        with self._explained(), written_whole(self.path) as partial:
            partial.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise InputError(
                f"The measurements cannot be written to {self.path}.",
                found=problem.strerror or str(problem),
                expected="room on the disk and a folder that can be written",
                fix="free some room and run the same command with --resume",
            ) from problem


def _events(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as problem:
        raise InputError(
            "TensorBoard events cannot be written.",
            found=f"run.tensorboard: true ({problem})",
            expected="the package tensorboard",
            fix="pip install tensorboard, or leave out run.tensorboard; metrics.jsonl is always written",
        ) from problem
    return SummaryWriter(str(folder), purge_step=step + 1)  # the first step that is taken out


def _step_of(line: str) -> int | None:
    """The step of a line; None for one that a kill cut short."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
