"""The set-up of the scripts that make the small family's data."""

from __future__ import annotations

from pathlib import Path

import environment
import pinned_hosts
from environment import SetupError

from lab.family.sources import what_is_needed


def set_up(current_interpreter: bool) -> Path:
    """The folder of the ComfyUI to use, after everything is installed.

    Raises:
        SetupError: something cannot be fetched; names the packages that the data needs as well.
        HostError: the ComfyUI is too old, is not the file it should be, or cannot be written.
    """
    try:
        host = pinned_hosts.usable_host()
        environment.install(host, current_interpreter)
    except SetupError as error:
        raise SetupError(
            error.what,
            found=error.found,
            expected=error.expected,
            fix=f"{error.fix}. The data is made of {what_is_needed()}: the same command fetches them",
        ) from error
    return host
