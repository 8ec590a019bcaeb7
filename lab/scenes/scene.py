"""What a scene is, and how one is drawn by lot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .places import Place
from .subjects import Subject
from .task import PUBLISHED, Task

Choice = TypeVar("Choice")

OF_WHICH_ONE_IS_KEPT = 6


@dataclass(frozen=True)
class Scene:
    """One subject before one background. Everything about its picture, clip and caption follows from this.

    Args:
        subject: of the task's.
        colour: of the subject's colours.
        background: of the task's places.
        size: small, medium or large; what comes or goes is at most about medium in the middle of its way.
        place: left, middle or right, at the middle of the motion.
        motion: left, right, up, down, nearer, away or stays.
        facing: where it looks, left or right; the motion's side where it has one.
        number: 0 to 2^32 - 1: shades, layout and wording are drawn from it.
        task: whose tables these are.
    """

    subject: str
    colour: str
    background: str
    size: str
    place: str
    motion: str
    facing: str
    number: int
    task: Task = PUBLISHED

    @property
    def thing(self) -> Subject:
        """The row of its subject."""
        return self.task.subjects[self.subject]

    @property
    def surroundings(self) -> Place:
        """The row of its background."""
        return self.task.places[self.background]

    @property
    def is_kept(self) -> bool:
        """Whether its subject, colour and place together are kept for judging, where the task keeps any.

        The sum of their places in the task's tables is a multiple of 6. With six colours and six places a
        subject has six such pairs, in which each colour and each place stands once.
        """
        places = (
            self.task.subject_names.index(self.subject),
            self.thing.colours.index(self.colour),
            self.task.place_names.index(self.background),
        )
        return self.task.keeps and sum(places) % OF_WHICH_ONE_IS_KEPT == 0

    def details(self, purpose: str) -> np.random.Generator:
        """The scene's own random numbers for one purpose, the same at every call."""
        return np.random.default_rng([self.number, *purpose.encode()])


def random_scene(random: np.random.Generator, moving: bool = True, task: Task = PUBLISHED) -> Scene:
    """A scene whose parts are independent, as far as its subject allows.

    Background, size and facing are independent of everything; colours and motions are evenly spread over
    those that the subject has. What crosses the picture has its middle in the middle.

    Args:
        moving: False gives a subject that stays, for pictures.
    """
    subject = one_of(random, task.subject_names)
    colour = one_of(random, task.subjects[subject].colours)
    background = one_of(random, task.place_names)
    size, place, facing = (
        one_of(random, choices) for choices in (tuple(task.sizes), tuple(task.asides), task.facings)
    )
    motion = one_of(random, task.subjects[subject].motions) if moving else "stays"
    if motion in ("left", "right"):
        facing, place = motion, "middle"
    return Scene(subject, colour, background, size, place, motion, facing, int(random.integers(2**32)), task)


def one_of(random: np.random.Generator, choices: Sequence[Choice]) -> Choice:
    """Each as likely as the others."""
    return choices[int(random.integers(len(choices)))]
