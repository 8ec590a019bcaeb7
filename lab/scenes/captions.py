"""A scene in words: what there is to see, nothing of how it is drawn."""

from __future__ import annotations

import numpy as np

from .places import PLACES
from .scene import Scene, one_of
from .subjects import BY_NAME, GOES, MOVES, Verb

SIZE_WORDS = {"small": ("small", "little"), "medium": (), "large": ("large", "big")}
SIDES = {"left": "on the left", "right": "on the right"}
NAMED = {"colour": 0.8, "size": 0.5, "background": 0.88, "side": 0.3, "the": 0.12}  # how often
SAY_THE_WAY = ("rises", "sinks", "climbs", "falls")  # these verbs need no "up" or "down"
VOWELS = "aeiou"

WAYS: dict[str, tuple[str, ...]] = {
    "left": ("to the left", "towards the left", "from right to left"),
    "right": ("to the right", "towards the right", "from left to right"),
    "up": ("upwards", "higher and higher", "up"),
    "down": ("downwards", "lower and lower", "down"),
    "nearer": ("nearer", "closer", "closer and closer"),
    "away": ("away", "into the distance", "farther and farther away"),
}


def caption_of(scene: Scene) -> str:
    """One true English sentence or phrase without a full stop, the same for the same scene.

    Colour, size and background are each left out at times; a scene whose subject stays has no words of
    motion.
    """
    random = scene.details("words")
    thing, place = _thing(scene, random), _place(scene, random)
    if scene.motion == "stays":
        return _still(scene, random, thing, place)
    return _moving(scene, random, thing, place)


def _thing(scene: Scene, random: np.random.Generator) -> str:
    """The subject with its article, often its colour, sometimes its size."""
    words = []
    if scene.motion not in ("nearer", "away") and SIZE_WORDS[scene.size] and random.random() < NAMED["size"]:
        words.append(one_of(random, SIZE_WORDS[scene.size]))
    scarf = scene.subject == "snowman"
    coloured = random.random() < NAMED["colour"]
    if coloured and not scarf:
        words.append(scene.colour)
    words.append(scene.subject)
    article = "the" if random.random() < NAMED["the"] else "an" if words[0][0] in VOWELS else "a"
    dress = (
        f" with {'an' if scene.colour[0] in VOWELS else 'a'} {scene.colour} scarf"
        if coloured and scarf
        else ""
    )
    return " ".join([article, *words]) + dress


def _place(scene: Scene, random: np.random.Generator) -> str:
    """Where it is, or nothing."""
    place, subject = PLACES[scene.background], BY_NAME[scene.subject]
    if random.random() >= NAMED["background"]:
        return ""
    if subject.habitat == "water":
        return f"{subject.wet} {one_of(random, place.water)}"
    return one_of(random, place.air if subject.habitat == "air" else place.land)


def _still(scene: Scene, random: np.random.Generator, thing: str, place: str) -> str:
    verb = one_of(random, BY_NAME[scene.subject].rests)
    side = SIDES.get(scene.place, "") if random.random() < NAMED["side"] and scene.size != "large" else ""
    wordings = [(thing, place, side), (thing, verb[1], place, side), (thing, verb[0], place, side)]
    if place:
        wordings.append((f"{place},", thing, verb[0], side))
    if not thing.startswith("the "):
        wordings.append(("there is", thing, place, side))
    return _joined(one_of(random, wordings))


def _moving(scene: Scene, random: np.random.Generator, thing: str, place: str) -> str:
    verb, way = one_of(random, _verbs(scene)), one_of(random, WAYS[scene.motion])
    if scene.motion in ("up", "down") and verb[0] in SAY_THE_WAY:
        way = ""
    wordings = [(thing, verb[0], way, place), (thing, verb[1], way, place)]
    if place:
        wordings += [(f"{place},", thing, verb[0], way), (thing, place, verb[1], way)]
    return _joined(one_of(random, wordings))


def _verbs(scene: Scene) -> tuple[Verb, ...]:
    subject = BY_NAME[scene.subject]
    if scene.motion == "up":
        return subject.rises
    if scene.motion == "down":
        return subject.falls
    if subject.rooted and scene.motion == "away":
        return GOES, MOVES
    return subject.travels


def _joined(parts: tuple[str, ...]) -> str:
    return " ".join(part for part in parts if part)
