"""Aspect buckets: a few sizes of about one area, so that pictures are cropped little and still batched."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from ...errors import InputError
from .manifest import Item
from .plan import Size


def bucket_sizes(area: int, step: int, max_aspect: float = 2.0) -> tuple[Size, ...]:
    """Sizes in multiples of `step` that fill `area` as far as they can, from tall to wide.

    Args:
        area: in pixels; no size has more.
        step: in pixels; 64 keeps the latents of every U-Net whole.
        max_aspect: longer over shorter side, from 1.

    Raises:
        InputError: no size fits.
    """
    sides = range(step, area // step + 1, step)
    filled = [(side, area // side // step * step) for side in sides]
    both_ways = {size for width, height in filled for size in ((width, height), (height, width))}
    fitting = [size for size in both_ways if min(size) > 0 and max(size) <= max_aspect * min(size)]
    if not fitting:
        raise InputError(
            "No bucket size fits.",
            found=f"area {area}, step {step}, aspect up to {max_aspect:g}",
            expected=f"an area of at least {step}² pixels and an aspect of at least 1",
            fix="Use 262144 (512²) pixels in steps of 64, aspect up to 2.",
        )
    return tuple(sorted(fitting, key=lambda size: (size[0] / size[1], size)))


def assign(width: int, height: int, sizes: Iterable[Size]) -> Size:
    """The size nearest in aspect ratio (in its logarithm); of equally near ones the first."""
    return min(sizes, key=lambda size: abs(math.log(width / height * size[1] / size[0])))


def bucket_table(items: Iterable[Item], sizes: Iterable[Size]) -> dict[Size, int]:
    """How many items fall into each size; sizes without any are listed with 0."""
    sizes = tuple(sizes)
    counts = Counter(assign(item.width, item.height, sizes) for item in items)
    return {size: counts[size] for size in sizes}
