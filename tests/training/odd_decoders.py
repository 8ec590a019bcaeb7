"""Decoders that misbehave; importable by name, as the decoding processes need it."""

from __future__ import annotations

import os
import signal
import time

from stylecrafter_core.training.data.measure import Facts, Request, measure
from stylecrafter_core.training.data.reasons import Problem


def by_name(request: Request) -> Facts | Problem:
    """Dies or hangs on files of those names, and is the real decoder for all others."""
    if request.path.stem == "deadly":
        os.kill(os.getpid(), signal.SIGSEGV)
    if request.path.stem == "endless":
        request.path.with_suffix(".begun").touch()
        time.sleep(600)
    return measure(request)


def slow_in_the_beginning(request: Request) -> Facts | Problem:
    """The first files take longest, so that results come back in another order."""
    time.sleep(0.2 / (1 + int(request.path.stem)))
    return measure(request)


def name_of_process(request: Request) -> Facts | Problem:
    return Problem(str(os.getpid()), "")
