"""What a content number shows: a rendered scene, now and then a photograph; footage among the clips.

Content numbers of pictures start at 0, those of clips at FIRST_OF_CLIPS. From FIRST_OF_JUDGES on they are
kept for judging: nothing that is trained ever sees them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..scenes import PUBLISHED, Scene, Task, caption_of, draw_clip, draw_picture, random_scene
from .footage import footage_clip, random_view
from .photos import PHOTOS, photo_part
from .randomness import generator
from .sizes import FRAMES

FIRST_OF_CLIPS = 500_000
FIRST_OF_JUDGES = 10**6
MOVING_SHARE = 0.6  # of the pictures show the middle of a motion, and their caption tells it


@dataclass(frozen=True)
class Content:
    """Pixels uint8, [H, W, 3] or [T, H, W, 3], and what they show."""

    caption: str
    subject: str
    pixels: NDArray[np.uint8]


def scene(seed: int, number: int, moving: bool = True, task: Task = PUBLISHED) -> Scene:
    """The scene of a content number: before the judges' own, none that the task keeps for judging."""
    random = generator(seed, "scene", number)
    shown = random_scene(random, moving, task)
    while shown.is_kept and number < FIRST_OF_JUDGES:
        shown = random_scene(random, moving, task)
    return shown


@lru_cache(maxsize=32)  # a block shows each of its contents three times
def picture_content(seed: int, number: int, task: Task = PUBLISHED) -> Content:
    """The picture of a content number."""
    random = generator(seed, "picture", number)
    if random.random() < task.photographs:
        photo = PHOTOS[int(random.integers(len(PHOTOS)))]
        words = photo.captions[int(random.integers(len(photo.captions)))]
        return Content(words, photo.subject, photo_part(photo, task.side, random))
    shown = scene(seed, number, bool(random.random() < MOVING_SHARE), task)
    return Content(caption_of(shown), shown.subject, draw_picture(shown))


def clip_content(seed: int, number: int, footage: bool, task: Task = PUBLISHED) -> Content:
    """The clip of a content number."""
    if footage and task.photographs:
        random = generator(seed, "footage", number)
        view = random_view(random)
        return Content(view.caption, "city", footage_clip(view, task.side, random))
    shown = scene(seed, number, task=task)
    return Content(caption_of(shown), shown.subject, draw_clip(shown, FRAMES))
