"""What a writer needs to know besides the frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from .sound import Sound


@dataclass(frozen=True)
class Encoding:
    """How to write one file.

    Args:
        rate: frames per second.
        loop_count: how often an animated picture is played in all; 0 is for ever.
        crf: loss, 0 is best; the range is the format's.
        metadata: text by name.
        sound: sound to mix in, or None.
        progress: called with the number of frames done; may raise to stop.
    """

    rate: Fraction
    loop_count: int
    crf: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    sound: Sound | None = None
    progress: Callable[[int], None] = lambda done: None
