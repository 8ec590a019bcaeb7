"""What a run measured: one JSON object per line, and TensorBoard events where asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..media.files import written_whole

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
            values: plain numbers, lists and texts.
        """
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"step": step, "kind": kind, **values}) + "\n")
        if self._events is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self._events.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        """Write out what is still in memory."""
        if self._events is not None:
            self._events.close()

    def _cut(self, step: int) -> None:
        if not self.path.exists():
            return
        lines = self.path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if (done := _step_of(line)) is not None and done <= step]
        with written_whole(self.path) as partial:
            partial.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


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
    except (ValueError, KeyError, TypeError):
        return None
