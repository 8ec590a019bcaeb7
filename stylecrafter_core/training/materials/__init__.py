"""Small networks, pictures and clips that the tiny configs train on, made on the spot."""

from __future__ import annotations

from .tiny import make_tiny_materials

__all__ = ["make_tiny_materials"]
