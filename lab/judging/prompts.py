"""Prompts: captions of scenes that are kept for judging, so that it is known what a result should show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

from ..family.contents import FIRST_OF_JUDGES, scene
from ..scenes import PUBLISHED, SUBJECTS, Scene, Task, caption_of

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
        drawn = (scene(seed, number) for number in count(FIRST_OF_PROMPTS))
        own = (shown for shown in drawn if shown.subject == subject and shown.motion != "stays")
        found = [_prompt(shown) for shown in islice(own, SCENES_PER_SUBJECT)]
        found.sort(key=lambda prompt: len(prompt.text.split()))
        short.append(found[0])
        long.append(found[-1])
    return tuple(short), tuple(long)


def unseen_scenes(seed: int, first: int, moving: bool, task: Task) -> Iterator[Scene]:
    """Scenes from a content number on whose captions nothing was trained on.

    Where a task keeps combinations for judging, these are scenes of them, and their captions name subject,
    colour and place: no other scene has such a caption.
    """
    drawn = (scene(seed, number, moving, task) for number in count(first))
    return (shown for shown in drawn if not task.keeps or (shown.is_kept and _names_all(shown)))


def _names_all(shown: Scene) -> bool:
    caption, place = caption_of(shown), shown.surroundings
    places = any(words in caption for words in (*place.land, *place.air, *place.water))
    return places and shown.colour in caption.split()


def _scenes(seed: int, subject: str, moving: bool) -> Iterator[Scene]:
    drawn = unseen_scenes(seed, FIRST_OF_PROMPTS, moving, PUBLISHED)
    return (shown for shown in drawn if shown.subject == subject and (shown.motion != "stays") == moving)


def _prompt(shown: Scene) -> Prompt:
    return Prompt(caption_of(shown), SUBJECTS.index(shown.subject))
