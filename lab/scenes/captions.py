"""A scene in words: what there is to see, nothing of how it is drawn."""

from __future__ import annotations

import numpy as np

from .scene import Scene, one_of
from .subjects import GOES, MOVES, Verb

SIZE_WORDS = {"small": ("small", "little"), "medium": (), "large": ("large", "big")}
SIDES = {"left": "on the left", "right": "on the right"}
SAY_THE_WAY = ("rises", "sinks", "climbs", "falls")  # these verbs need no "up" or "down"
VOWELS = "aeiou"


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
    words, named = [], scene.task.named
    if scene.motion not in ("nearer", "away") and SIZE_WORDS[scene.size] and random.random() < named["size"]:
        words.append(one_of(random, SIZE_WORDS[scene.size]))
    scarf = scene.subject == "snowman"
    coloured = random.random() < named["colour"]
    if coloured and not scarf:
        words.append(scene.colour)
    words.append(scene.subject)
    article = "the" if random.random() < named["the"] else "an" if words[0][0] in VOWELS else "a"
    dress = (
        f" with {'an' if scene.colour[0] in VOWELS else 'a'} {scene.colour} scarf"
        if coloured and scarf
        else ""
    )
    return " ".join([article, *words]) + dress


def _place(scene: Scene, random: np.random.Generator) -> str:
    """Where it is, or nothing."""
    place, subject = scene.surroundings, scene.thing
    if random.random() >= scene.task.named["background"]:
        return ""
    if subject.habitat == "water":
        return f"{subject.wet} {one_of(random, place.water)}"
    return one_of(random, place.air if subject.habitat == "air" else place.land)


def _still(scene: Scene, random: np.random.Generator, thing: str, place: str) -> str:
    verb = one_of(random, scene.thing.rests)
    named = random.random() < scene.task.named["side"] and scene.size != "large"
    side = SIDES.get(scene.place, "") if named else ""
    wordings = [(thing, place, side), (thing, verb[1], place, side), (thing, verb[0], place, side)]
    if place:
        wordings.append((f"{place},", thing, verb[0], side))
    if not thing.startswith("the "):
        wordings.append(("there is", thing, place, side))
    return _joined(one_of(random, wordings))


def _moving(scene: Scene, random: np.random.Generator, thing: str, place: str) -> str:
    verb, way = one_of(random, _verbs(scene)), one_of(random, scene.task.ways[scene.motion])
    if scene.motion in ("up", "down") and verb[0] in SAY_THE_WAY:
        way = ""
    wordings = [(thing, verb[0], way, place), (thing, verb[1], way, place)]
    if place:
        wordings += [(f"{place},", thing, verb[0], way), (thing, place, verb[1], way)]
    return _joined(one_of(random, wordings))


def _verbs(scene: Scene) -> tuple[Verb, ...]:
    subject = scene.thing
    if scene.motion == "up":
        return subject.rises
    if scene.motion == "down":
        return subject.falls
    if subject.rooted and scene.motion == "away":
        return GOES, MOVES
    return subject.travels


def _joined(parts: tuple[str, ...]) -> str:
    return " ".join(part for part in parts if part)
