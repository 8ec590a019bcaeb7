"""Rendered scenes with true captions: one subject that moves, or stays, before one background."""

from .captions import caption_of
from .pictures import draw_clip, draw_picture
from .scene import Scene, random_scene
from .task import PUBLISHED, TASKS, Task

SUBJECTS = PUBLISHED.subject_names

__all__ = [
    "PUBLISHED",
    "SUBJECTS",
    "TASKS",
    "Scene",
    "Task",
    "caption_of",
    "draw_clip",
    "draw_picture",
    "random_scene",
]
