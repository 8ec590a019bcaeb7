"""Which cross-attention of a U-Net is site i of an adapter."""

from .resolve import describe, order_sites, resolve_sites
from .tables import PUBLISHED_SITES

__all__ = ["PUBLISHED_SITES", "describe", "order_sites", "resolve_sites"]
