"""How the benchmark measures: in turn, warmed up, as ratios of the same round."""

from __future__ import annotations

import pytest
from benchmarks.timing import in_turn, ratio


def test_alternatives_take_turns_after_one_unmeasured_run_each():
    calls = []
    seconds = in_turn({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3)
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab"
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}


def test_a_ratio_compares_within_a_round():
    """A machine twice as busy in the second round changes nothing."""
    seconds = {"styled": [1.1, 2.2, 1.3], "plain": [1.0, 2.0, 1.0]}
    assert ratio(seconds, "styled", "plain") == "1.100 (1.100 to 1.300, 3 rounds)"


def test_a_ratio_needs_as_many_rounds_of_both():
    with pytest.raises(ValueError, match="shorter"):
        ratio({"a": [1.0, 1.0], "b": [1.0]}, "a", "b")


def test_any_clock_will_do():
    ticks = iter(range(100))
    assert in_turn({"a": lambda: next(ticks)}, 2, clock=lambda: next(ticks))["a"] == [2, 2]
