"""Work that is shared out to processes of one thread each."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import cv2
import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


def carried_out(work: Callable[[Part], Result], parts: Sequence[Part], workers: int) -> Iterator[Result]:
    """The results of the parts, in their order; one worker is this process itself."""
    if workers <= 1:
        yield from map(work, parts)
        return
    # Forked processes would inherit the locks of torch's threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start) as pool:
        yield from pool.map(work, parts)


def _start() -> None:
    """One thread, and an end with the process that started this one, however that ends."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
