"""Prompts: captions of scenes that are kept for judging, so that it is known what a result should show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

from ..family.contents import FIRST_OF_JUDGES, scene
from ..scenes import SUBJECTS, Scene, caption_of

FIRST_OF_PROMPTS = FIRST_OF_JUDGES + 500_000  # scenes before it are the content judge's
SCENES_PER_SUBJECT = 40  # among which the shortest and the longest caption are looked for


@dataclass(frozen=True)
class Prompt:
    """A text and the number of its subject in `SUBJECTS`."""

    text: str
    subject: int


def prompts(seed: int, moving: bool) -> tuple[Prompt, ...]:
    """One for each subject, in their order: the caption of its first scene in which it moves, or stays."""
    return tuple(_prompt(shown) for shown in prompt_scenes(seed, moving))


def prompt_scenes(seed: int, moving: bool) -> tuple[Scene, ...]:
    """The scenes that the prompts speak of, in their order."""
    return tuple(next(_scenes(seed, subject, moving)) for subject in SUBJECTS)


def short_and_long(seed: int) -> tuple[tuple[Prompt, ...], tuple[Prompt, ...]]:
    """For each subject the caption of fewest words among those of forty scenes, and the one of most."""
    short, long = [], []
    for subject in SUBJECTS:
        found = [_prompt(shown) for shown in islice(_scenes(seed, subject, True), SCENES_PER_SUBJECT)]
        found.sort(key=lambda prompt: len(prompt.text.split()))
        short.append(found[0])
        long.append(found[-1])
    return tuple(short), tuple(long)


def _scenes(seed: int, subject: str, moving: bool) -> Iterator[Scene]:
    drawn = (scene(seed, number, moving) for number in count(FIRST_OF_PROMPTS))
    return (shown for shown in drawn if shown.subject == subject and (shown.motion != "stays") == moving)


def _prompt(shown: Scene) -> Prompt:
    return Prompt(caption_of(shown), SUBJECTS.index(shown.subject))
