"""A style in the CONDITIONING: how it gets in, how it travels, how it is taken out again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import comfy.conds
import comfy.utils

from ..adapter import Style, StyleTerm
from ..errors import InputError
from .keys import STYLE

Conditioning = list[list[Any]]  # the host's: [[text tokens, values], ...]


@dataclass(frozen=True)
class StyleRequest:
    """What the user asked for.

    Attributes:
        style: the encoded references.
        strength: global factor on top of the predicted gains; 0 leaves the model untouched.
        start_at, end_at: part of the sampling, from 0 (noise) to 1 (picture), in which the style acts.
    """

    style: Style
    strength: float
    start_at: float
    end_at: float


@dataclass(frozen=True)
class StyleBatch:
    """What arrives at the diffusion model: (rows, ready style) for consecutive runs of rows."""

    terms: tuple[tuple[int, StyleTerm], ...]


class StyleCond(comfy.conds.CONDRegular):
    """A style among a condition's model_conds.

    Carries the request through the node graph; at sampling time a copy of it carries the ready term.
    The host batches conditions whose entries can be joined, and joins them in its own order.
    """

    def __init__(self, request: StyleRequest, term: StyleTerm | None = None, rows: int = 0):
        self.request = request
        self.term = term
        self.rows = rows

    def with_term(self, term: StyleTerm) -> StyleCond:
        """A copy that is ready for the diffusion model."""
        return StyleCond(self.request, term)

    def process_cond(self, batch_size: int, **_: Any) -> StyleCond:
        """The host's call per pass: how many rows this condition will have."""
        term = None if self.term is None else _for_rows(self.term, batch_size)
        return StyleCond(self.request, term, batch_size)

    def can_concat(self, other: Any) -> bool:
        """Two styled conditions may always share a pass."""
        return isinstance(other, StyleCond)

    def concat(self, others: list[StyleCond]) -> StyleBatch:
        """What the diffusion model gets."""
        conds = [self, *others]
        if any(cond.term is None for cond in conds):
            raise RuntimeError("a style reached the model without passing calc_cond_batch")
        return StyleBatch(tuple((cond.rows, cond.term) for cond in conds if cond.term is not None))

    def size(self) -> list[int]:
        """For the host's memory estimate: a style weighs next to nothing."""
        return [1]


def apply_style(conditioning: Conditioning, request: StyleRequest) -> Conditioning:
    """The same conditioning with a style in every entry; one that was there before is replaced.

    Raises:
        InputError: the range of sampling in which the style acts is empty or lies outside 0..1.
    """
    if not 0.0 <= request.start_at < request.end_at <= 1.0:
        raise InputError(
            "StyleCrafterApplyStyle: start_at and end_at do not enclose any part of the sampling.",
            found=f"start_at {request.start_at}, end_at {request.end_at}",
            expected="0 ≤ start_at < end_at ≤ 1",
            fix="set start_at below end_at, for example 0 and 1",
        )
    return [[text, _with_model_cond(values, StyleCond(request))] for text, values in conditioning]


def strip_style(conds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The text-only version of sampling-time conditions: the same dictionaries without their styles."""
    return [_without_style(cond) for cond in conds]


def has_style(conds: list[dict[str, Any]]) -> bool:
    """Whether any sampling-time condition carries a style."""
    return any(STYLE in cond.get("model_conds", {}) for cond in conds)


def _for_rows(term: StyleTerm, rows: int) -> StyleTerm:
    """Gains of a batch of prompts, repeated or cut to the rows as the host does it with the prompts."""
    gains = tuple(
        gain if len(gain) == 1 else comfy.utils.repeat_to_batch_size(gain, rows) for gain in term.gains
    )
    return replace(term, gains=gains)


def _with_model_cond(values: dict[str, Any], cond: StyleCond) -> dict[str, Any]:
    return {**values, "model_conds": {**values.get("model_conds", {}), STYLE: cond}}


def _without_style(cond: dict[str, Any]) -> dict[str, Any]:
    model_conds = {name: value for name, value in cond.get("model_conds", {}).items() if name != STYLE}
    return {**cond, "model_conds": model_conds}
