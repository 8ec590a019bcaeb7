"""A style as the key of what is derived from it."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch

from stylecrafter_core.adapter import Pictures, Style


def test_styles_are_told_apart_by_identity() -> None:
    """Two of the same values are two keys: values are neither compared nor hashed."""
    tokens = torch.zeros(1, 2, 3)
    first, second = (Style(tokens, "an id", "video", 3, Pictures(tokens, None)) for _ in range(2))
    kept = WeakKeyDictionary({first: "first", second: "second"})
    assert (kept[first], kept[second]) == ("first", "second")
    assert first != second
    assert first.pictures != second.pictures
