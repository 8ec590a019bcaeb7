"""Text states of captions: encoded once, kept, or read from the cache on disk."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor

from ..comfy_host.frozen_base import FrozenBase
from .data.cache import TextCache

KEPT = 512  # captions in memory; a text state of the published bases is 158 kB in float16


class TextStates:
    """Text tokens and pooled text by caption.

    Args:
        base: encodes what is not known yet.
        cache: states computed before; None encodes all.
    """

    def __init__(self, base: FrozenBase, cache: TextCache | None):
        self.base, self.cache = base, cache
        self._kept: OrderedDict[str, tuple[Tensor, Tensor | None]] = OrderedDict()

    def of(self, captions: Sequence[str]) -> tuple[Tensor, Tensor | None]:
        """[B, N, D] tokens and [B, P] pooled text, or None."""
        states = [self._one(caption) for caption in captions]
        pooled = [pooled for _, pooled in states if pooled is not None]
        return _joined([tokens for tokens, _ in states]), torch.cat(pooled) if pooled else None

    def _one(self, caption: str) -> tuple[Tensor, Tensor | None]:
        if caption not in self._kept:
            found = None if self.cache is None else self.cache.of(caption)
            self._kept[caption] = found or self.base.encode_text(caption)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[caption]


def _joined(tokens: list[Tensor]) -> Tensor:
    """Prompts of one length each; longer ones among them repeat the shorter, as the host does."""
    longest = max(part.shape[1] for part in tokens)
    rows = [part.repeat(1, -(-longest // part.shape[1]), 1)[:, :longest] for part in tokens]
    return torch.cat(rows)
