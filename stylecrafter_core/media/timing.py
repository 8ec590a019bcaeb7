"""Frame rates as fractions, and delays in the whole ticks that animated pictures count in."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

from ..errors import InputError


def exact_rate(frame_rate: float | Fraction) -> Fraction:
    """The rate as a fraction with a denominator up to 1001: 29.97 becomes 2997/100, 30000/1001 stays.

    Raises:
        InputError: it is not a positive number.
    """
    rate = Fraction(frame_rate).limit_denominator(1001) if math.isfinite(frame_rate) else Fraction(0)
    if rate <= 0:
        raise InputError(
            "The input `frame_rate` is not a rate.",
            found=str(frame_rate),
            expected="frames per second, above 0",
            fix="Use 8 for the StyleCrafter video model.",
        )
    return rate


def tick_of(position: int, rate: Fraction, ticks_per_second: int) -> int:
    """When frame `position` starts, in ticks, rounded to nearest (halves up)."""
    return math.floor(position * ticks_per_second / rate + Fraction(1, 2))


def delays(num_frames: int, rate: Fraction, ticks_per_second: int) -> list[int]:
    """How long each frame is shown, in ticks; spread so that each starts within half a tick of its time."""
    starts = [tick_of(position, rate, ticks_per_second) for position in range(num_frames + 1)]
    return [end - start for start, end in pairwise(starts)]
