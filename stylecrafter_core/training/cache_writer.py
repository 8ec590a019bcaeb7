"""Entries of a cache on their way to disk: many to a file, but never much work at risk."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from torch import Tensor

from .data.cache import ENTRIES_PER_FILE

log = logging.getLogger(__name__)

SECONDS_PER_FILE = 60.0  # so much work is lost at most when the command is killed
SECONDS_PER_LINE = 10.0  # of progress


class CacheWriter:
    """Gathers entries and writes them, many to a file.

    Args:
        add: writes entries, whole or not at all.
        what, total: for lines of progress.
    """

    def __init__(self, add: Callable[[Mapping[str, Tensor]], None], what: str, total: int):
        self.add, self.what, self.total, self.done = add, what, total, 0
        self.entries: dict[str, Tensor] = {}
        self.written = self.shown = time.monotonic()

    def __enter__(self) -> CacheWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None or kind is KeyboardInterrupt:
            self._write()

    def put(self, name: str, tensor: Tensor) -> None:
        """One more entry."""
        self.entries[name] = tensor
        self.done += 1
        now = time.monotonic()
        if len(self.entries) >= ENTRIES_PER_FILE or now - self.written > SECONDS_PER_FILE:
            self._write()
        if now - self.shown > SECONDS_PER_LINE or self.done == self.total:
            self.shown = now
            log.info("cache: %d of %d %s", self.done, self.total, self.what)

    def _write(self) -> None:
        if self.entries:
            self.add(self.entries)
        self.entries, self.written = {}, time.monotonic()
