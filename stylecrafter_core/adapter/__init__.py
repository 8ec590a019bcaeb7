"""The adapter of the method, in pure torch."""

from .adapter import Pictures, Style, StyleAdapter, fingerprint
from .dual_attention import ReadyStyle, SiteStyle, add_style, style_attention

__all__ = [
    "Pictures",
    "ReadyStyle",
    "SiteStyle",
    "Style",
    "StyleAdapter",
    "add_style",
    "fingerprint",
    "style_attention",
]
