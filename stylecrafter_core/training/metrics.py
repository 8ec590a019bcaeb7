"""What a run measured: one JSON object per line, on the screen, and for TensorBoard where asked for."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

FILE = "metrics.jsonl"


class Metrics:
    """Appends to `metrics.jsonl`.

    Args:
        folder: of the run.
        step: steps done before; lines of later steps, from a run that was killed, are taken out.
        tensorboard: also write events, if the package is there.

    Raises:
        ImportError: TensorBoard is asked for and not installed.
    """

    def __init__(self, folder: Path, step: int, tensorboard: bool):
        self.path = folder / FILE
        self._cut(step)
        self._events: Any = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._events = SummaryWriter(str(folder / "tensorboard"), purge_step=step)

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
        partial = self.path.with_name(f"{FILE}.partial")
        partial.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        os.replace(partial, self.path)


def _step_of(line: str) -> int | None:
    """The step of a line; None for one that a kill cut short."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None
