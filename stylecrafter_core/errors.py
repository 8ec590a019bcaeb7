"""The errors a user can meet. A message says what, where, what was found, what was expected, what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable


class StyleCrafterError(Exception):
    """Base of all errors raised on purpose.

    Args:
        what: one sentence: what went wrong, naming the file, node or input.
        found: what is there.
        expected: what should be there.
        fix: what the user can do next.
    """

    def __init__(self, what: str, *, found: str = "", expected: str = "", fix: str = ""):
        self.what, self.found, self.expected, self.fix = what, found, expected, fix
        labelled = (("Found", found), ("Expected", expected), ("What to do", fix))
        super().__init__("\n".join([what, *(f"{label}: {text}" for label, text in labelled if text)]))


class WeightFileError(StyleCrafterError):
    """A weight file cannot be read, is not safe to read, or does not hold what it should."""


class MismatchError(StyleCrafterError):
    """Two things that are each fine do not fit together: adapter and model, style and adapter, ..."""


class InputError(StyleCrafterError, ValueError):
    """A value given to a node or function is outside what it accepts."""


class HostError(StyleCrafterError):
    """No usable ComfyUI was found, or it is too old."""


class MediaError(StyleCrafterError):
    """A picture, video or sound file cannot be written or read."""


def exit_status(run: Callable[[], int], install: str) -> int:
    """Runs a command: what is raised on purpose and packages that are missing are said in words, status 2.

    Args:
        run: gives the status.
        install: how the command's packages are installed.
    """
    try:
        return run()
    except StyleCrafterError as error:
        said = error
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(__package__):
            raise
        said = InputError(
            "A package that this command needs is not installed.",
            found=f"no {error.name} in {sys.executable}",
            fix=install,
        )
    sys.stderr.write(f"\n{said}\n")
    return 2
