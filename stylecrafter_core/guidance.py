"""Guidance with two scales: how much text, how much style.

λ_t is the text scale, λ_s the style scale; ε∅, ε_t, ε_ts are the predictions without any condition, with the
text, and with text and style. The formulas are linear, so they hold for noise and for x0 predictions alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class DualGuidance:
    """The two guidance scales and which predictions they need.

    `ε̂ = ε∅ + λ_s(ε_ts − ε_t) + λ_t(ε_t − ε∅) = (1−λ_t)·ε∅ + (λ_t−λ_s)·ε_t + λ_s·ε_ts`

    A prediction whose weight is zero need not be computed.

    Attributes:
        cfg_text: λ_t.
        cfg_style: λ_s.

    Source: StyleCrafter (arXiv 2312.00330), equation 2.
    Differs: the released video script anchors the formula on ε_ts; its scales are one lower for the same
    result. The released SDXL pipeline ignores a style scale of 0; here it means 0.
    """

    cfg_text: float
    cfg_style: float

    @property
    def needs_empty(self) -> bool:
        """Whether ε∅ has weight."""
        return self.cfg_text != 1.0

    @property
    def needs_text(self) -> bool:
        """Whether ε_t has weight."""
        return self.cfg_text != self.cfg_style

    @property
    def needs_styled(self) -> bool:
        """Whether ε_ts has weight."""
        return self.cfg_style != 0.0

    def combine(self, empty: Tensor | None, text: Tensor | None, styled: Tensor | None) -> Tensor:
        """ε̂ from the predictions that are needed; None for those that are not."""
        weights = (1.0 - self.cfg_text, self.cfg_text - self.cfg_style, self.cfg_style)
        predictions = (empty, text, styled)
        return sum_weighted(
            [(weight, p) for weight, p in zip(weights, predictions, strict=True) if weight != 0.0]
        )

    def conditional(self, text: Tensor | None, styled: Tensor | None) -> Tensor:
        """The one conditional prediction c with `ε∅ + λ_t(c − ε∅) = ε̂`, for λ_t ≠ 0.

        `c = ε_t + (λ_s/λ_t)(ε_ts − ε_t)`. It lets anything made for one guidance scale (a rescaling, say)
        work on both.
        """
        share = self.cfg_style / self.cfg_text
        return sum_weighted([(w, p) for w, p in ((1.0 - share, text), (share, styled)) if p is not None])


def sum_weighted(terms: list[tuple[float, Tensor | None]]) -> Tensor:
    """`Σ w·p` over at least one term; a prediction with weight must be there."""
    missing = [weight for weight, prediction in terms if prediction is None]
    if missing or not terms:
        raise ValueError(f"guidance weights {missing} have no prediction; {len(terms)} terms given")
    total, *rest = [weight * prediction for weight, prediction in terms if prediction is not None]
    for term in rest:
        total = total + term
    return total
