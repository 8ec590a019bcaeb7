"""The adapter of the method, in pure torch."""

from .adapter import StyleAdapter
from .dual_attention import SiteStyle, StyleTerm, add_style, style_attention
from .fingerprint import fingerprint
from .style import Pictures, Style

__all__ = [
    "Pictures",
    "SiteStyle",
    "Style",
    "StyleAdapter",
    "StyleTerm",
    "add_style",
    "fingerprint",
    "style_attention",
]
