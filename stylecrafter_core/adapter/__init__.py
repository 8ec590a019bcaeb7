"""The adapter of the method, in pure torch."""

from .adapter import Pictures, Style, StyleAdapter, fingerprint
from .dual_attention import SiteStyle, StyleTerm, add_style, style_attention

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
