"""Which part of the work is this process's: `accelerate launch` starts several, also on several machines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

Thing = TypeVar("Thing")
PATIENCE = timedelta(days=7)  # for the slowest process
MOST_THREADS = 8


@dataclass(frozen=True)
class Shard:
    """One of `count` processes that share a folder.

    Attributes:
        local: its number on this machine: which accelerator it takes.
    """

    number: int = 0
    count: int = 1
    local: int = 0

    def part(self, things: Sequence[Thing]) -> list[Thing]:
        """Every `count`-th thing."""
        return list(things[self.number :: self.count])

    @property
    def is_first(self) -> bool:
        return self.number == 0

    def wait_for_all(self) -> None:
        """Until every process has come here."""
        if self.count > 1:
            from accelerate import PartialState

            # CPU: nothing but this is exchanged, and the accelerators belong to the hosts.
            PartialState(cpu=True, timeout=PATIENCE).wait_for_everyone()


def thread_count() -> int:
    """Of each process on CPUs, however many processes there are: the last digits of sums depend on it."""
    return min(MOST_THREADS, os.cpu_count() or 1)


@contextmanager
def same_threads() -> Iterator[None]:
    """PyTorch with `thread_count` threads; a launcher gives each of several processes fewer."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(thread_count())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def this_shard() -> Shard:
    """From what the launcher says; one process alone without it."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Shard()
    return Shard(int(os.environ["RANK"]), count, int(os.environ.get("LOCAL_RANK", "0")))
