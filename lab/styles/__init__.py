"""Styles: frozen descriptions of looks, and pictures or clips told in them.

A look is either that of a part of a painting (`adain`) or of one of our own renderers; each of those draws
palette, scale, angle and so on for every style.
"""

from .style import OWN, Style, own_style, painting_style, stylise

__all__ = ["OWN", "Style", "own_style", "painting_style", "stylise"]
