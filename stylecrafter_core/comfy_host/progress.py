"""The host's progress bar, and the user's wish to stop."""

from __future__ import annotations

from collections.abc import Callable

import comfy.model_management
import comfy.utils


def progress_bar(total: int) -> Callable[[int], None]:
    """A function to call with the number of steps done: it moves the node's bar.

    It raises the host's InterruptProcessingException when the user has pressed stop, server or not.
    """
    bar = comfy.utils.ProgressBar(total)

    def show(done: int) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(done)

    return show
