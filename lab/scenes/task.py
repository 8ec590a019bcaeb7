"""What a family is to draw: its subjects, places, sizes and words, and the pictures' side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from . import places, subjects
from .places import Place
from .subjects import Subject


@dataclass(frozen=True, eq=False)  # one object for each name
class Task:
    """Scenes are drawn by lot from these tables; what stands in them is what a base can learn to draw.

    Attributes:
        name: as commands and records name it.
        side: of pictures and frames, in pixels.
        subjects, places: by name.
        sizes: longest side of the subject by word, in sides of the picture.
        asides: where a small subject's centre is by word, in sides; larger ones are nearer the middle.
        facings: where a subject that stays may look.
        named: how often captions name the colour, the size, the background, the side, and say "the".
        ways: phrases for each direction.
        photographs: share of the pictures that are photographs; without any there is no footage, either.
        keeps: whether combinations of subject, colour and place are kept for judging; see `Scene.is_kept`.
    """

    name: str
    side: int
    subjects: Mapping[str, Subject]
    places: Mapping[str, Place]
    sizes: Mapping[str, float]
    asides: Mapping[str, float]
    facings: tuple[str, ...]
    named: Mapping[str, float]
    ways: Mapping[str, tuple[str, ...]]
    photographs: float
    keeps: bool

    @property
    def subject_names(self) -> tuple[str, ...]:
        """In the order of the judges' labels."""
        return tuple(self.subjects)

    @property
    def place_names(self) -> tuple[str, ...]:
        return tuple(self.places)


SIXTEEN = Task(
    "sixteen",
    side=128,
    subjects=subjects.BY_NAME,
    places=places.PLACES,
    sizes={"small": 0.38, "medium": 0.48, "large": 0.60},
    asides={"left": 0.28, "middle": 0.5, "right": 0.72},
    facings=("left", "right"),
    named={"colour": 0.8, "size": 0.5, "background": 0.88, "side": 0.3, "the": 0.12},
    ways={
        "left": ("to the left", "towards the left", "from right to left"),
        "right": ("to the right", "towards the right", "from left to right"),
        "up": ("upwards", "higher and higher", "up"),
        "down": ("downwards", "lower and lower", "down"),
        "nearer": ("nearer", "closer", "closer and closer"),
        "away": ("away", "into the distance", "farther and farther away"),
    },
    photographs=1 / 30,
    keeps=False,
)

ACROSS, UP_DOWN, DEPTH = ("left", "right", "stays"), ("up", "down", "stays"), ("nearer", "away", "stays")
_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple")
_MOTIONS = {
    "elephant": ACROSS,
    "butterfly": ACROSS,
    "fish": ACROSS,
    "car": ACROSS,
    "sailing boat": ACROSS,
    "hot-air balloon": UP_DOWN,
    "snowman": ACROSS,
    "tree": DEPTH,
}
_PLACES = ("meadow", "sea", "mountains", "night", "snow", "sunset")

EIGHT = Task(
    "eight",
    side=96,
    subjects={
        name: replace(subjects.BY_NAME[name], colours=_COLOURS, only=motions)
        for name, motions in _MOTIONS.items()
    },
    places={name: places.PLACES[name] for name in _PLACES},
    sizes={"large": 0.65},
    asides={"middle": 0.5},
    facings=("right",),
    named={"colour": 0.9, "size": 0.0, "background": 0.9, "side": 0.0, "the": 0.0},
    ways={
        "left": ("to the left", "from right to left"),
        "right": ("to the right", "from left to right"),
        "up": ("upwards", "up"),
        "down": ("downwards", "down"),
        "nearer": ("nearer", "closer"),
        "away": ("away", "into the distance"),
    },
    photographs=0.0,
    keeps=True,
)

TASKS = {task.name: task for task in (SIXTEEN, EIGHT)}
PUBLISHED = EIGHT  # what the weights in weights/ have learnt
