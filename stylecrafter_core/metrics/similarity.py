"""How near a result is to its prompt, to its references and to itself from frame to frame, by one embedder.

D numbers of an embedding, R references, B pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from .metric import Measurement, Values, Wanted, mean

TEXT, STYLE, TEMPORAL = "text", "style", "temp"
PICTURES_AT_A_TIME = 16


class Embedder(Protocol):
    """A network that gives pictures, and some also texts, numbers of one space.

    Attributes:
        backend: what it is, to stand in the names of values.
        weights: SHA-256 of each of its files, by name.
    """

    @property
    def backend(self) -> str: ...

    @property
    def weights(self) -> Mapping[str, str]: ...

    def pictures(self, pictures_BHWC: Tensor) -> Tensor:
        """[B, H, W, 3] in 0..1 to [B, D]."""

    def text(self, prompt: str) -> Tensor:
        """A prompt to [D]."""


@dataclass(frozen=True)
class Similarity:
    """Cosines of embeddings φ, not clamped, each the mean over the frames x_t of one result.

    * `{kind}_text.{backend}`: `mean_t cos(φ(x_t), φ(prompt))`
    * `{kind}_style.{backend}`: `mean_t mean_r cos(φ(x_t), φ(reference_r))`; `{kind}_style_max`: the mean over
      frames of the greatest over references, where there are several
    * `{kind}_temp.{backend}`: `mean_t cos(φ(x_t), φ(x_{t+1}))`

    Args:
        kind: "clip", "dino", ...
        embedder: φ.
        of: which of text, style and temp.

    Source: CLIP-Text, CLIP-Style, DINO-Style and CLIP-Temp of StyleCrafter (arXiv 2312.00330), supplement
    B.1, there with CLIP ViT-H/14; the backbone of DINO is not named.
    Differs: the paper does not say how several references are compared: here by the mean, and the greatest.
    """

    kind: str
    embedder: Embedder
    of: tuple[str, ...] = (TEXT, STYLE, TEMPORAL)
    version: int = field(default=1, init=False)

    @property
    def name(self) -> str:
        return f"{self.kind}.{self.embedder.backend}"

    @property
    def weights(self) -> Mapping[str, str]:
        return self.embedder.weights

    @property
    def in_time(self) -> bool:
        return self.of == (TEMPORAL,)

    def start(self, wanted: Wanted) -> Measurement:
        if TEXT in self.of and not wanted.prompt.strip():
            raise InputError(
                f"The text metric {self.name} needs a prompt.",
                found="an empty prompt",
                expected="words for what the result should show",
                fix="give the pair a prompt, or leave the text metric out",
            )
        if STYLE in self.of and not wanted.references:
            raise InputError(
                f"The style metric {self.name} needs a reference.",
                found="none",
                expected="one picture or more",
                fix="give the pair its style pictures, or leave the style metric out",
            )
        return _Cosines(self, wanted)


class _Cosines:
    """The running lists: one number per frame, not the frames."""

    def __init__(self, metric: Similarity, wanted: Wanted):
        self._metric = metric
        self._text = metric.embedder.text(wanted.prompt) if TEXT in metric.of else None
        self._references = None
        if STYLE in metric.of:
            rows = [metric.embedder.pictures(picture[None]) for picture in wanted.references]
            self._references = torch.cat(rows)
        self._last: Tensor | None = None
        self._found: dict[str, list[float]] = {}

    def add(self, frames_THWC: Tensor) -> None:
        for part in frames_THWC.split(PICTURES_AT_A_TIME):
            self._embedded(self._metric.embedder.pictures(part))

    def _embedded(self, rows_BD: Tensor) -> None:
        if self._text is not None:
            self._note(TEXT, F.cosine_similarity(rows_BD, self._text[None]))
        if self._references is not None:
            near_BR = F.cosine_similarity(rows_BD[:, None], self._references[None], dim=2)
            self._note(STYLE, near_BR.mean(dim=1))
            if len(self._references) > 1:
                self._note(f"{STYLE}_max", near_BR.amax(dim=1))
        if TEMPORAL in self._metric.of:
            joined = rows_BD if self._last is None else torch.cat([self._last, rows_BD])
            self._note(TEMPORAL, F.cosine_similarity(joined[:-1], joined[1:]))
            self._last = rows_BD[-1:]

    def _note(self, what: str, values_B: Tensor) -> None:
        self._found.setdefault(what, []).extend(values_B.tolist())

    def values(self) -> Values:
        kind, backend = self._metric.kind, self._metric.embedder.backend
        return {f"{kind}_{what}.{backend}": mean(found) for what, found in self._found.items() if found}
