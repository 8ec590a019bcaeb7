"""Fewer things than there are, chosen by nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ..family.randomness import generator

Thing = TypeVar("Thing")


def drawn(
    things: Sequence[Thing], most: int | None, seed: int, purpose: str
) -> tuple[tuple[int, Thing], ...]:
    """At most so many of the things, by lot, in their order, each with its place; None takes all.

    The same seed and purpose give the same things; a greater `most` keeps those of a smaller one.
    """
    if most is None or most >= len(things):
        return tuple(enumerate(things))
    places = generator(seed, purpose).permutation(len(things))[:most].tolist()
    return tuple((place, things[place]) for place in sorted(places))
