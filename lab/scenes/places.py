"""The table of backgrounds: sky and ground, what stands at the horizon, and words for being there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import built, far, pieces
from .colours import Colour
from .pieces import View


@dataclass(frozen=True)
class Place:
    """One row. Colours run from the top of the sky to the horizon, and from there to the lower edge.

    Args:
        draw: what stands at the horizon and in the sky.
        ground: what lies on the ground, where it is land.
        land, air: phrases for a subject that stands or flies there.
        water: phrases for the water there, to follow "in" or "on".
    """

    sky: tuple[Colour, Colour]
    earth: tuple[Colour, Colour]
    draw: Callable[[View], None]
    ground: Callable[[View], None]
    land: tuple[str, ...]
    air: tuple[str, ...]
    water: tuple[str, ...]


DAY = ((122.0, 188.0, 236.0), (208.0, 234.0, 246.0))
HAZE = ((160.0, 194.0, 216.0), (228.0, 232.0, 230.0))
GRASS = ((172.0, 206.0, 128.0), (112.0, 170.0, 92.0))
SAND = ((240.0, 216.0, 158.0), (226.0, 186.0, 122.0))

PLACES: dict[str, Place] = {
    "meadow": Place(
        DAY,
        ((178.0, 214.0, 122.0), (116.0, 184.0, 84.0)),
        far.hills,
        pieces.blossoms,
        ("in a grassy meadow", "in a meadow", "in a wide meadow"),
        ("over a grassy meadow", "above a meadow", "over a wide meadow"),
        ("a pond in a meadow", "the water by a grassy meadow"),
    ),
    "houses": Place(
        DAY,
        ((206.0, 200.0, 184.0), (178.0, 170.0, 152.0)),
        built.houses,
        pieces.stripes,
        ("in front of houses", "before a row of houses", "in front of little houses"),
        ("in front of houses", "before a row of houses", "in front of little houses"),
        ("the water in front of houses", "a canal before a row of houses"),
    ),
    "sea": Place(
        DAY,
        SAND,
        far.sea,
        pieces.pebbles,
        ("on a beach by the sea", "by the sea", "on the beach in front of the wide sea"),
        ("over the sea", "above a beach by the sea", "in front of the wide sea"),
        ("a calm sea", "the open sea", "the wide sea"),
    ),
    "mountains": Place(
        DAY,
        GRASS,
        far.mountains,
        pieces.tufts,
        ("in front of mountains", "before high mountains", "in the mountains"),
        ("in front of mountains", "before high mountains", "in the mountains"),
        ("a lake in front of mountains", "a mountain lake"),
    ),
    "night": Place(
        ((28.0, 36.0, 88.0), (84.0, 92.0, 156.0)),
        ((74.0, 100.0, 116.0), (48.0, 70.0, 90.0)),
        far.night,
        pieces.tufts,
        ("under a starry sky", "at night under the moon", "under the stars at night"),
        ("in a starry sky", "in the night sky", "under the moon at night"),
        ("a lake at night", "the water under a starry sky"),
    ),
    "desert": Place(
        ((132.0, 198.0, 226.0), (246.0, 230.0, 190.0)),
        SAND,
        far.dunes,
        pieces.stripes,
        ("in the desert", "in front of dunes in the desert", "in a sandy desert"),
        ("over the desert", "above dunes in the desert", "over a sandy desert"),
        ("a river in the desert", "the water in a sandy desert"),
    ),
    "forest": Place(
        ((170.0, 204.0, 198.0), (214.0, 230.0, 206.0)),
        ((140.0, 160.0, 96.0), (104.0, 128.0, 72.0)),
        far.forest,
        pieces.tufts,
        ("in a forest", "in front of a dense forest", "at the edge of a forest"),
        ("over a forest", "in front of a dense forest", "at the edge of a forest"),
        ("a lake in a forest", "the water in front of a dense forest"),
    ),
    "snow": Place(
        ((168.0, 194.0, 222.0), (226.0, 232.0, 242.0)),
        ((242.0, 246.0, 252.0), (214.0, 224.0, 240.0)),
        far.snow,
        pieces.drifts,
        ("in the snow", "on a snowy field", "in front of snowy hills"),
        ("over a snowy field", "above the snow", "in front of snowy hills"),
        ("the water in front of snowy hills", "a lake in the snow"),
    ),
    "city": Place(
        HAZE,
        ((168.0, 170.0, 178.0), (136.0, 138.0, 148.0)),
        built.city,
        pieces.stripes,
        ("in a city", "in front of tall buildings", "in front of a city skyline"),
        ("over a city", "in front of tall buildings", "in front of a city skyline"),
        ("a river in a city", "the water in front of a city skyline"),
    ),
    "sunset": Place(
        ((126.0, 98.0, 160.0), (252.0, 178.0, 116.0)),
        ((150.0, 104.0, 110.0), (104.0, 74.0, 94.0)),
        far.sunset,
        pieces.tufts,
        ("at sunset", "in front of the setting sun", "under a sunset sky"),
        ("at sunset", "in front of the setting sun", "in a sunset sky"),
        ("the water at sunset", "a lake in front of the setting sun"),
    ),
    "castle": Place(
        HAZE,
        GRASS,
        built.castle,
        pieces.blossoms,
        ("in front of a castle", "before an old castle", "near a stone castle"),
        ("in front of a castle", "before an old castle", "near a stone castle"),
        ("a lake in front of a castle", "the water near an old castle"),
    ),
    "volcano": Place(
        ((146.0, 164.0, 204.0), (246.0, 214.0, 196.0)),
        ((150.0, 136.0, 122.0), (112.0, 100.0, 96.0)),
        far.volcano,
        pieces.pebbles,
        ("in front of a volcano", "before a smoking volcano", "at the foot of a volcano"),
        ("in front of a volcano", "before a smoking volcano", "near a volcano"),
        ("the water in front of a volcano", "a lake near a smoking volcano"),
    ),
}

BACKGROUNDS: tuple[str, ...] = tuple(PLACES)
