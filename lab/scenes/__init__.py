"""Rendered scenes with true captions: one subject that moves, or stays, before one background."""

from .captions import caption_of
from .pictures import draw_clip, draw_picture
from .scene import Scene, random_scene
from .subjects import SUBJECTS

__all__ = ["SUBJECTS", "Scene", "caption_of", "draw_clip", "draw_picture", "random_scene"]
