"""What the demo makes: jobs for the host, in the order in which they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WORKFLOWS = Path(__file__).absolute().parents[1] / "workflows" / "api"
PROMPT = "a red sailing boat sails to the left on a mountain lake"
# Paintings that the small family has never seen: Van Gogh's irises, El Greco's Toledo, Millet's haystacks.
IRISES, TOLEDO, HAYSTACKS = 436528, 436575, 437097
STRENGTHS = (0.0, 0.5, 1.0, 1.5, 2.0)
# What the small family was trained for.
VALUES = {
    "width": 96,
    "height": 96,
    "frames": 8,
    "frame_rate": 8.0,
    "steps": 25,
    "sampler_name": "euler",  # eta 1 wants about 50 steps
    "cfg_text": 7.0,
    "cfg_style": 3.0,
}
ONE_FRAME = {"frames": 1}


@dataclass(frozen=True)
class DemoJob:
    """One run of a workflow.

    Attributes:
        title: of its row in the overview; jobs of the same title share it.
        workflow: file in API form; its template lies one folder above it.
        paintings: numbers of the style references in the museum's catalogue.
        prompt: what is shown; None keeps the workflow's own words.
        values: for inputs of these names.
    """

    title: str
    workflow: Path
    paintings: tuple[int, ...]
    prompt: str | None
    values: Mapping[str, Any] = field(default_factory=dict)


def all_jobs(prompt: str | None, painting: int | None) -> list[DemoJob]:
    """One reference, several references, then images of one reference at rising strengths."""
    first = IRISES if painting is None else painting
    words = PROMPT if prompt is None else prompt
    return [
        DemoJob("one reference", WORKFLOWS / "single_reference_video.json", (first,), words, VALUES),
        DemoJob(
            "three references",
            WORKFLOWS / "several_references_video.json",
            (first, HAYSTACKS, TOLEDO),
            words,
            VALUES,
        ),
        *(
            DemoJob(
                f"images at strength {', '.join(f'{each:g}' for each in STRENGTHS)}",
                WORKFLOWS / "image_with_video_model.json",
                (first,),
                words,
                {**VALUES, **ONE_FRAME, "strength": strength},
            )
            for strength in STRENGTHS
        ),
    ]


def own_job(workflow: Path, prompt: str | None, painting: int | None) -> DemoJob:
    """A workflow that the user names, with the small family's values."""
    first = IRISES if painting is None else painting
    return DemoJob(workflow.stem, workflow, (first,), prompt, VALUES)
