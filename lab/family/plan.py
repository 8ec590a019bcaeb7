"""Which content and which style each picture and clip has, from the seed and its number alone.

Pictures come in blocks of 54: 18 contents, each plain and in two of the block's six styles, so that every
style shows six contents. Four styles are those of paintings, two of our own renderers. The order within a
block is by lot. Clips come in blocks of 20: one of footage, three in styles that pictures have too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..styles import OWN, Style, own_style, painting_style
from .contents import FIRST_OF_CLIPS
from .randomness import generator

CONTENTS, STYLES, USES = 18, 6, 6  # of a block
OWN_STYLES = 2  # of a block
PICTURES_IN_BLOCK = CONTENTS + STYLES * USES
CLIPS_IN_BLOCK, STYLED_CLIPS, FOOTAGE_CLIPS = 20, 3, 1


@dataclass(frozen=True)
class Item:
    """One picture or clip: its number, the number of its content, that of its style, if it has one."""

    number: int
    content: int
    style: int | None
    footage: bool = False


@lru_cache(maxsize=64)
def block_of_pictures(seed: int, block: int) -> tuple[Item, ...]:
    """The pictures of a block in their order."""
    random = generator(seed, "block of pictures", block)
    pairs: list[tuple[int, int | None]] = [(content, None) for content in range(CONTENTS)]
    for half in range(2):
        order = random.permutation(CONTENTS)
        pairs += [(int(content), STYLES // 2 * half + place // USES) for place, content in enumerate(order)]
    numbered = enumerate(pairs[place] for place in random.permutation(PICTURES_IN_BLOCK))
    return tuple(
        Item(
            block * PICTURES_IN_BLOCK + number,
            block * CONTENTS + content,
            None if style is None else block * STYLES + style,
        )
        for number, (content, style) in numbered
    )


@lru_cache(maxsize=64)
def block_of_clips(seed: int, block: int) -> tuple[Item, ...]:
    """The clips of a block in their order."""
    places = generator(seed, "block of clips", block).permutation(CLIPS_IN_BLOCK).tolist()
    first = block * CLIPS_IN_BLOCK
    return tuple(
        Item(
            first + number,
            FIRST_OF_CLIPS + first + number,
            block * STYLED_CLIPS + place if place < STYLED_CLIPS else None,
            footage=STYLED_CLIPS <= place < STYLED_CLIPS + FOOTAGE_CLIPS,
        )
        for number, place in enumerate(places)
    )


@lru_cache(maxsize=64)
def style_of(seed: int, number: int, paintings: tuple[int, ...]) -> Style:
    """The style of a number: which of its block's are our own is by lot, and their renderers take turns."""
    block, place = divmod(number, STYLES)
    lot = generator(seed, "kinds of styles", block).permutation(STYLES).tolist().index(place)
    if lot >= OWN_STYLES:
        return painting_style(seed, number, paintings)
    renderer = tuple(OWN)[(block * OWN_STYLES + lot) % len(OWN)]
    return own_style(seed, number, paintings, renderer)
