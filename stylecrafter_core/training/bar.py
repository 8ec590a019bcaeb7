"""What a person sees of the steps: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import Any

from tqdm import tqdm

log = logging.getLogger(__name__)


class Bar:
    """Shows steps.

    Args:
        done, total: steps.
        every: steps between plain lines.
        quiet: show nothing.
    """

    def __init__(self, done: int, total: int, every: int, quiet: bool):
        self.total, self.every, self.quiet = total, every, quiet
        on_terminal = sys.stderr.isatty() and not quiet
        self.bar: Any = tqdm(total=total, initial=done, unit="step") if on_terminal else None

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()

    def show(self, step: int, measured: dict[str, Any]) -> None:
        """A step is done."""
        loss = "-" if measured["loss"] is None else f"{measured['loss']:.4f}"
        if self.bar is not None:
            self.bar.update(step - self.bar.n)
            self.bar.set_postfix(loss=loss, lr=f"{measured['lr']:.2e}")
        elif not self.quiet and (step % self.every == 0 or step == self.total):
            log.info(
                "step %d of %d  loss %s  lr %.2e  %s, %.2f s",
                *(step, self.total, loss, measured["lr"], measured["data"], measured["seconds"]),
            )
