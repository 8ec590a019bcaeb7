"""Metrics of a result inside a graph: what `metrics` computes, with the host's own CLIP as embedder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, MismatchError
from ..features.pictures import check_images, rgb_picture
from ..metrics import Copies, Metric, Motion, Similarity, Values, Wanted, measure

BACKEND = "comfyui"


class HostClip:
    """A CLIP_VISION of the host, and a CLIP whose text tower belongs to it, as embedder.

    Args:
        clip_vision: with a projection to the space that pictures and texts share.
        clip: None where no text is compared.
    """

    backend = BACKEND
    weights: Mapping[str, str] = {}

    def __init__(self, clip_vision: Any, clip: Any | None):
        self._vision, self._clip = clip_vision, clip

    def pictures(self, pictures_BHWC: Tensor) -> Tensor:
        return self._vision.encode_image(pictures_BHWC)["image_embeds"].float().cpu()

    def text(self, prompt: str) -> Tensor:
        assert self._clip is not None  # asked only where there is one
        _, pooled = self._clip.encode_from_tokens(self._clip.tokenize(prompt), return_pooled=True)
        return pooled[0].float().cpu()

    def check_width(self, picture_1HWC: Tensor) -> None:
        """Raise MismatchError where pictures and texts are not of one space."""
        pictures, texts = self.pictures(picture_1HWC).shape[-1], self.text("a picture").shape[-1]
        if pictures != texts:
            raise MismatchError(
                "The inputs `clip` and `clip_vision` are not the two towers of one CLIP.",
                found=f"{texts} numbers of a text, {pictures} of a picture",
                expected="as many, from the same training, such as ViT-H/14 of laion2b",
                fix="connect the other encoder, or leave clip away",
            )


def result_metrics(
    images_THWC: Tensor, references_RHWC: Tensor, prompt: str, clip_vision: Any | None, clip: Any | None
) -> tuple[Values, list[str]]:
    """The values of a picture or clip, and a line for each metric that is not computed, with the reason.

    Args:
        images_THWC: IMAGE: one picture, or the frames of one clip.
        references_RHWC: IMAGE: one reference or several.
        prompt: empty where no text is compared.
        clip_vision, clip: for the CLIP metrics; see `HostClip`.

    Raises:
        InputError: pictures that are none.
        MismatchError: the towers do not belong together.
    """
    check_images(images_THWC)
    check_images(references_RHWC)
    frames, references = (
        torch.stack([rgb_picture(picture).movedim(0, -1) for picture in batch])
        for batch in (images_THWC, references_RHWC)
    )
    metrics: list[Metric] = [Copies()]
    notes: list[str] = []
    if clip_vision is None:
        notes.append("CLIP: connect clip_vision")
    else:
        metrics.append(_clip(clip_vision, clip, prompt, references[:1], notes))
    if len(frames) < 2:
        notes.append("motion: a picture has none")
    else:
        try:
            metrics.append(Motion())
        except InputError as problem:
            notes.append(f"motion: {problem.what} {problem.fix}")
    return measure(metrics, [frames], Wanted(tuple(references), prompt)), notes


def _clip(vision: Any, clip: Any | None, prompt: str, picture_1HWC: Tensor, notes: list[str]) -> Similarity:
    embedder = HostClip(vision, clip)
    if clip is None or not prompt.strip():
        notes.append("CLIP-Text: connect clip, and give a prompt")
        return Similarity("clip", embedder, ("style", "temp"))
    embedder.check_width(picture_1HWC)
    return Similarity("clip", embedder)


def values_text(values: Values, notes: list[str]) -> str:
    """A line for each value, then the notes."""
    return "\n".join([*(f"{name}: {value:.4f}" for name, value in values.items()), *notes])
