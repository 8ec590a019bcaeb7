"""A style in the CONDITIONING: how it gets in, how it travels, how it is taken out again.

A `Style` is what an adapter encoded. A `StyleRequest` says how a user wants it applied. A `ReadyStyle` is
made of both for one pass, and a `StyleBatch` holds those of all rows of a pass. A `StyleCond` carries the
request, and the style once it is ready, in the host's own form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid5

import comfy.conds
import comfy.utils
import torch
from torch import Tensor

from ..adapter import ReadyStyle, Style
from ..errors import MismatchError
from ..families import FAMILIES
from .keys import STYLE
from .scales import STRENGTHS, check_part, check_scale, in_part

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

    def acts_at(self, model_sampling: Any, sigma: Tensor) -> bool:
        """Whether the style changes a step at this sigma."""
        return self.strength != 0.0 and in_part(model_sampling, sigma, self.start_at, self.end_at)


@dataclass(frozen=True)
class StyleBatch:
    """What arrives at the diffusion model: (rows, ready style) for consecutive runs of rows."""

    styles: tuple[tuple[int, ReadyStyle], ...]


NO_STYLE = ReadyStyle()


class StyleCond(comfy.conds.CONDRegular):
    """A style among a condition's model_conds.

    Carries the request through the node graph; at sampling time a copy of it carries the ready style.
    The host batches conditions whose entries can be joined, and joins them in its own order. A condition
    without a style joins one that has a style by carrying `NO_STYLE`, without any request.
    """

    def __init__(self, request: StyleRequest | None, ready: ReadyStyle | None = None, rows: int = 0):
        self.request = request
        self.ready = ready
        self.rows = rows

    def made_ready(self, ready: ReadyStyle) -> StyleCond:
        """A copy that is ready for the diffusion model."""
        return StyleCond(self.request, ready)

    @property
    def cond(self) -> Tensor | None:
        """The gains [B, sites] of a ready style: where others look for what has one row per frame."""
        if self.ready is None or not self.ready.gains:
            return None
        return torch.cat([gain.flatten(1) for gain in self.ready.gains], dim=1)

    def _copy_with(self, cond: Tensor) -> StyleCond:
        """Packs with context windows of their own give back the rows of one window."""
        if self.ready is None:
            raise RuntimeError("a style without gains has no rows to choose from")
        return StyleCond(self.request, ReadyStyle.of(self.ready.sites, cond), self.rows)

    def process_cond(self, batch_size: int, **_: Any) -> StyleCond:
        """The host's call per pass: how many rows this condition will have."""
        ready = None if self.ready is None else _for_rows(self.ready, batch_size)
        return StyleCond(self.request, ready, batch_size)

    def can_concat(self, other: Any) -> bool:
        """Two styled conditions may always share a pass."""
        return isinstance(other, StyleCond)

    def concat(self, others: list[StyleCond]) -> StyleBatch:
        """What the diffusion model gets.

        Raises:
            MismatchError: no adapter made a style ready: the model was never patched.
        """
        styles: list[tuple[int, ReadyStyle]] = []
        for cond in (self, *others):
            if cond.ready is None:
                raise unpatched_model_error()
            if styles and styles[-1][1] is cond.ready:  # neighbours without a style are one run of rows
                styles[-1] = (styles[-1][0] + cond.rows, cond.ready)
            else:
                styles.append((cond.rows, cond.ready))
        return StyleBatch(tuple(styles))

    def size(self) -> list[int]:
        """For the host's memory estimate: a style weighs next to nothing."""
        return [1]


def apply_style(conditioning: Conditioning, request: StyleRequest) -> Conditioning:
    """The same conditioning with a style in every entry; one that was there before is replaced.

    Raises:
        InputError: the range of sampling in which the style acts is empty or lies outside 0..1, or the
            strength lies outside its range.
        MismatchError: the prompt comes from a text encoder of another width than the style's family has.
    """
    check_part(request.start_at, request.end_at)
    check_scale("strength", request.strength, STRENGTHS)
    for text, _ in conditioning:
        _check_width(text.shape[-1], request.style)
    return [[text, _with_model_cond(values, StyleCond(request))] for text, values in conditioning]


def styled_alike(
    groups: list[list[dict[str, Any]] | None], unstyled: ReadyStyle | None
) -> list[list[dict[str, Any]] | None]:
    """The conditions of one call of the host; where one has a ready style, the others get an empty one.

    The host runs conditions in one pass only if they carry the same entries.

    Args:
        unstyled: the null style, which every condition without a style gets; None for an adapter without
            one: then nothing is added where no condition has a style.
    """
    conds = [cond for group in groups if group for cond in group]
    if unstyled is None and not any(STYLE in cond["model_conds"] for cond in conds):
        return groups
    empty = StyleCond(None, unstyled or NO_STYLE)
    return [group and [_with_some_style(cond, empty) for cond in group] for group in groups]


def style_requests(values: Iterable[dict[str, Any]]) -> list[StyleRequest]:
    """The requests in the values of a CONDITIONING, or in sampling-time conditions."""
    styles = (entry.get("model_conds", {}).get(STYLE) for entry in values)
    return [style.request for style in styles if style is not None and style.request is not None]


def unpatched_model_error() -> MismatchError:
    """What to say where a style arrives at a model without an adapter."""
    return MismatchError(
        "The positive conditioning carries a style, but the model has no style adapter.",
        found="a MODEL that was never patched with a style adapter",
        expected="a MODEL patched with one, or a video model that was loaded with one",
        fix="patch the model with the style adapter, between the model loader and the sampler",
    )


def strip_style(conds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The text-only version of sampling-time conditions: the same dictionaries without their styles."""
    return [_without_style(cond) for cond in conds]


def _for_rows(style: ReadyStyle, rows: int) -> ReadyStyle:
    """Gains, keys and values of a batch of prompts, repeated or cut to the rows as the prompts are."""

    def repeated(tensor: Tensor) -> Tensor:
        return tensor if len(tensor) == 1 else comfy.utils.repeat_to_batch_size(tensor, rows)

    if not style.sites:
        return style
    sites = tuple(site._replace(k=repeated(site.k), v=repeated(site.v)) for site in style.sites)
    return ReadyStyle(sites, tuple(map(repeated, style.gains)))


def _check_width(text_width: int, style: Style) -> None:
    width = style.text_dim
    if text_width != width:
        raise MismatchError(
            "The prompt and the style do not belong together.",
            found=f"text tokens {text_width} wide",
            expected=f"{width} wide, as the {FAMILIES[style.family].title} adapter of this style reads",
            fix="encode the prompt with the CLIP of the model that the adapter was made for",
        )


def _with_model_cond(values: dict[str, Any], cond: StyleCond) -> dict[str, Any]:
    return {**values, "model_conds": {**values.get("model_conds", {}), STYLE: cond}}


def _with_some_style(cond: dict[str, Any], empty: StyleCond) -> dict[str, Any]:
    return cond if STYLE in cond["model_conds"] else _with_model_cond(cond, empty)


def _without_style(cond: dict[str, Any]) -> dict[str, Any]:
    """Another condition for the host, and the same one in every step: step caches go by the identity."""
    model_conds = {name: value for name, value in cond.get("model_conds", {}).items() if name != STYLE}
    stripped = {**cond, "model_conds": model_conds}
    if "uuid" in cond:
        stripped["uuid"] = uuid5(cond["uuid"], STYLE)
    return stripped
