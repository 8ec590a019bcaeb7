"""All judges of one picture or video together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stylecrafter_core.errors import InputError
from stylecrafter_core.metrics import Motion, Wanted, copy_scores, measure

from ..family.gallery import REINSTALL
from ..measures import (
    ContentClassifier,
    StyleJudge,
    cosine_distances,
    nearest_of,
    retrieval_ranks,
)
from ..scenes import PUBLISHED
from .paintings import HeldOut, square

CANDIDATES = 20
NEAREST, SIMILARITY = "style_nearest", "style_similarity"
RECOGNISED, COPY = "subject_recognised", "copy"
WARP, WARP_MASKED, MOTION = "warp_error", "warp_error_masked", "motion_percent"
CONTRAST = "contrast"
WORDS = {
    NEAREST: f"style: nearest of {CANDIDATES}",
    SIMILARITY: "style: cosine to its reference",
    RECOGNISED: "subject recognised",
    COPY: "copy of its reference",
    WARP: "warp error (×10⁻³)",
    WARP_MASKED: "warp error, masked (×10⁻³)",
    MOTION: "motion (% of the width a frame)",
    CONTRAST: "contrast (×10⁻³)",
}


class Judges:
    """Style, content, copying; and time where there are several frames.

    Args:
        content: names subjects.
        paintings: all held-out ones, at least `CANDIDATES`; the results' own are among them.

    Raises:
        InputError: fewer paintings than a result's own is looked for among.
    """

    def __init__(self, content: ContentClassifier, paintings: Sequence[HeldOut]):
        if len(paintings) < CANDIDATES:
            raise InputError(
                "There are too few held-out paintings to judge styles by.",
                found=f"{len(paintings)} that can be read",
                expected=f"{CANDIDATES} or more: each measure is of one among so many",
                fix=REINSTALL,
            )
        self.content, self.style = content, StyleJudge()
        self.references = torch.stack([square(painting.pixels, PUBLISHED.side) for painting in paintings])
        self.numbers = self.style.numbers(self.references)

    def __call__(self, frames_NTHWC: Tensor, paintings_N: Tensor, subjects_N: Tensor) -> dict[str, Tensor]:
        """What each judge says of N results, [N] each, by name; the mean over a result's frames.

        Args:
            frames_NTHWC: [N, T, H, W, 3] in 0..1.
            paintings_N: which painting each has its style from.
            subjects_N: which subject each should show.
        """
        results, frames = frames_NTHWC.shape[:2]
        pictures = frames_NTHWC.flatten(0, 1)
        own, subjects = (of.repeat_interleave(frames) for of in (paintings_N, subjects_N))
        distances = cosine_distances(self.style.numbers(pictures), self.numbers)
        ranks = retrieval_ranks(distances, own)
        said = {
            NEAREST: nearest_of(ranks, len(self.numbers), CANDIDATES),
            SIMILARITY: 1 - distances.gather(1, own[:, None])[:, 0],
            RECOGNISED: self.content.recognised(pictures, subjects),
            COPY: copy_scores(pictures, self.references[own]),
        }
        means = {name: values.view(results, frames).mean(dim=1) for name, values in said.items()}
        return means if frames == 1 else means | _in_time(frames_NTHWC)


def _in_time(frames_NTHWC: Tensor) -> dict[str, Tensor]:
    motion = Motion()
    backend = motion.flow.backend
    found = [measure([motion], [clip], Wanted()) for clip in frames_NTHWC]
    names = {
        WARP: f"warp_error.{backend}",
        WARP_MASKED: f"warp_error_masked.{backend}",
        MOTION: f"flow_magnitude_percent.{backend}",
        CONTRAST: "contrast",
    }
    return {ours: torch.tensor([clip[theirs] for clip in found]) for ours, theirs in names.items()}
