"""Times of alternatives, measured in turn so that a busy machine is busy for all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def in_turn(
    alternatives: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of every run of every alternative, after one unmeasured run of each.

    Every other round goes backwards: what runs before leaves its traces in memory and caches.
    """
    for run in alternatives.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    for round_number in range(rounds):
        order = list(alternatives.items())
        for name, run in reversed(order) if round_number % 2 else order:
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return seconds


def ratio(seconds: dict[str, list[float]], over: str, under: str) -> str:
    """The median of the per-round ratios, with the least and the greatest."""
    ratios = sorted(a / b for a, b in zip(seconds[over], seconds[under], strict=True))
    return f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}, {len(ratios)} rounds)"
