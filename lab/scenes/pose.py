"""What moves within a subject: legs, wings, wheels, leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Pose:
    """One moment.

    Args:
        angle: how far legs, wings or wheels have come, in radians; one turn is one step of both legs.
        striding: whether the subject moves from its place.
    """

    angle: float
    striding: bool

    def wave(self, offset: float = 0.0) -> float:
        """-1 to 1, once up and down in a turn; `offset` is a part of a turn."""
        return math.sin(self.angle + 2 * math.pi * offset)

    def stride(self, offset: float = 0.0) -> float:
        """As `wave`, and 0 for a subject that stands."""
        return self.wave(offset) if self.striding else 0.0
