"""The errors a user can meet. A message says what, where, what was found, what was expected, what to do."""


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
