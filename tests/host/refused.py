"""What an error of the pack must say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def refused(kind: str, **words: str) -> Iterator[None]:
    """The block raises the pack's error of this kind, with these words in its four parts."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 (the kind is checked below)
        yield
    error = caught.value
    assert type(error).__name__ == kind, error
    for part in ("what", "found", "expected", "fix"):
        assert words[part] in getattr(error, part), str(error)
        assert getattr(error, part) in str(error)
