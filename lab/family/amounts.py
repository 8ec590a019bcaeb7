"""How much of what is made and learnt, for each recipe.

`sixteen` begins with nothing, `eight` with the published weights; see recipe.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from . import autoencoder, base, towers
from .data import Counts


@dataclass(frozen=True)
class FromNothing:
    """Encoders learn on the data, and the U-Net has learnt nothing."""

    autoencoder_steps: int
    tower_steps: int


@dataclass(frozen=True)
class FromPublished:
    """Encoders are the published ones; the published U-Net goes on with plain pictures, without data, and the
    published decoder with the data."""

    pictures: int
    plain: base.Round
    decoder_steps: int


@dataclass(frozen=True)
class Size:
    """How much of what is made and learnt.

    Attributes:
        task: what is drawn.
        start: what comes before the rounds of the base.
        data: of pictures and clips.
        base_rounds: on the data.
    """

    task: str
    start: FromNothing | FromPublished
    data: Counts
    base_rounds: tuple[base.Round, ...]

    def share(self, minutes: float | None, rounds: Sequence[base.Round]) -> float | None:
        """The minutes of these rounds, of those of all."""
        if minutes is None:
            return None
        before = [self.start.plain] if isinstance(self.start, FromPublished) else []
        of_all = sum(this.steps for this in [*before, *self.base_rounds])
        return minutes * sum(this.steps for this in rounds) / of_all


FULL = Size(
    "sixteen",
    FromNothing(autoencoder.STEPS, towers.STEPS),
    Counts(pictures=12000, clips=800),
    base.ROUNDS,
)
EIGHT = Size(
    "eight",
    FromPublished(
        30000,
        base.Round(2400, 1e-3, noise_offset=0.3, ema=0.99, plain=True, wider=2, muon=True),
        decoder_steps=6000,
    ),
    Counts(pictures=24300, clips=2000),
    (
        base.Round(1200, 6e-4, noise_offset=0.3, ema=0.99, wider=2, muon=True),
        base.Round(150, 2e-4, noise_offset=0.3, noise_gain=0.2, ema=0.99, wider=2, muon=True),
    ),
)
SIZES = {size.task: size for size in (FULL, EIGHT)}
WIDER = 8  # times as many pictures in a step on a graphics card, which is not busy with fewer


def tiny(size: Size) -> Size:
    """A few steps of everything."""
    start = FromNothing(2, 2)
    if isinstance(size.start, FromPublished):
        start = FromPublished(20, replace(size.start.plain, steps=2), 2)
    rounds = tuple(replace(this, steps=2) for this in size.base_rounds)
    return Size(size.task, start, Counts(pictures=54, clips=4), rounds)


TINY = tiny(FULL)


def for_a_card(size: Size) -> Size:
    """The same with larger steps of the base."""
    start = size.start
    if isinstance(start, FromPublished):
        start = replace(start, plain=replace(start.plain, wider=WIDER))
    rounds = tuple(replace(this, wider=WIDER) for this in size.base_rounds)
    return replace(size, start=start, base_rounds=rounds)
