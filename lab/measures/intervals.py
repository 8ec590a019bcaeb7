"""What several measured values say together: mean, spread, and how far the mean can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stylecrafter_core.errors import InputError

RESAMPLES = 5000
CONFIDENCE = 0.95
SEED = 20231201  # any fixed number: the same values always give the same interval

Values = Sequence[float] | Sequence[Sequence[float]] | NDArray[np.floating]


@dataclass(frozen=True)
class Estimate:
    """A mean and what is known about it.

    Attributes:
        mean: of all values.
        std: of all values, with n − 1; NaN for one value.
        n: how many values.
        low, high: bootstrap 95 % interval of the mean; NaN for one value.
    """

    mean: float
    std: float
    n: int
    low: float
    high: float


def estimate(values: Values, seed: int = SEED) -> Estimate:
    """Mean, standard deviation, number, and percentile bootstrap 95 % interval of the mean.

    One axis: independent values (one per video). Several axes: crossed causes, for instance [seeds, items]
    where every training seed made the same items; every axis is resampled with replacement by itself, so that
    neither more items nor more seeds alone make the interval narrow.

    With few values along an axis the interval is too narrow: n values give about √((n − 1)/n) of its
    width, so three seeds give 82 % of it.

    Args:
        values: [n] or [seeds, items], finite; same items in each row.
        seed: of the resampling.

    Raises:
        InputError: empty, ragged, or not finite.

    Source: Efron & Tibshirani 1993 (percentile interval); Owen 2007 (each axis by itself).
    """
    table = _checked(values)
    std = float(table.std(ddof=1)) if table.size > 1 else math.nan
    low, high = _interval(table, seed)
    return Estimate(float(table.mean()), std, table.size, low, high)


def paired_difference(values: Values, baseline: Values, seed: int = SEED) -> Estimate:
    """`estimate(values − baseline)`, item by item; a difference is found where 0 lies outside the interval.

    Pairing removes what both share (a hard prompt, an odd reference), so this interval is narrower than
    those of the two means suggest.

    Raises:
        InputError: shapes differ, or as `estimate`.
    """
    one, other = _checked_pair(values, baseline)
    return estimate(one - other, seed)


def paired_ratio(values: Values, baseline: Values, seed: int = SEED) -> Estimate:
    """`mean(values) / mean(baseline)`; both means are taken over the same resampled items.

    Returns:
        `mean` is the ratio, `n` the number of pairs, `std` NaN. All NaN but n where the baseline's mean is 0;
        draws in which it is 0 are left out of the interval.

    Raises:
        InputError: shapes differ, or as `estimate`.
    """
    one, other = _checked_pair(values, baseline)
    if other.mean() == 0:
        return Estimate(math.nan, math.nan, one.size, math.nan, math.nan)
    ratio = float(one.mean() / other.mean())
    if one.size == 1:
        return Estimate(ratio, math.nan, 1, math.nan, math.nan)
    means, baselines = _resampled_means(one, seed), _resampled_means(other, seed)
    drawn = means[baselines != 0] / baselines[baselines != 0]
    return Estimate(ratio, math.nan, one.size, *_middle(drawn))


def _checked_pair(values: Values, baseline: Values) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    one, other = _checked(values), _checked(baseline)
    if one.shape != other.shape:
        raise InputError(
            "Values that are to be compared in pairs are not the same items.",
            found=f"shapes {list(one.shape)} and {list(other.shape)}",
            expected="one value for each item on both sides, in the same order",
            fix="score both on the same prompts, references and seeds",
        )
    return one, other


def _checked(values: Values) -> NDArray[np.float64]:
    try:
        table = np.asarray(values, dtype=np.float64)
    except ValueError as problem:
        raise _no_values(f"rows of different lengths ({problem})") from problem
    if table.size == 0 or table.ndim == 0:
        raise _no_values(f"an array {list(table.shape)}")
    if not np.isfinite(table).all():
        raise _no_values(f"{int((~np.isfinite(table)).sum())} of {table.size} values are NaN or infinity")
    return table


def _no_values(found: str) -> InputError:
    return InputError(
        "There are no values to take the mean of.",
        found=found,
        expected="at least one finite number per item, and as many in every row",
        fix="leave out items without a value on both sides of a comparison, and say how many",
    )


def _interval(table: NDArray[np.float64], seed: int) -> tuple[float, float]:
    if table.size == 1:
        return math.nan, math.nan
    return _middle(_resampled_means(table, seed))


def _resampled_means(table: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """[RESAMPLES]; tables of one shape are resampled alike."""
    first, *others = _draws(table.shape, seed)
    means = np.tensordot(first, table, axes=1)
    for shares in others:
        means = np.einsum("rn,rn...->r...", shares, means)
    return means


@lru_cache(maxsize=4)
def _draws(shape: tuple[int, ...], seed: int) -> tuple[NDArray[np.float64], ...]:
    """For each axis, how often each place is drawn: all that a mean over draws depends on."""
    rng = np.random.default_rng(seed)
    return tuple(rng.multinomial(n, np.full(n, 1 / n), RESAMPLES) / n for n in shape)


def _middle(drawn: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
