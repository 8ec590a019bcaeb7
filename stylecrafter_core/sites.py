"""Which cross-attention of a model is site i of an adapter."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import MismatchError
from .families import FAMILIES
from .spec import AdapterSpec, Site


def order_sites(sites: Iterable[Site], block_order: tuple[str, ...]) -> tuple[Site, ...]:
    """Sites sorted by block in `block_order`, then by number, then by depth."""
    return tuple(sorted(sites, key=lambda s: (block_order.index(s.block), s.number, s.index)))


def resolve_sites(spec: AdapterSpec, model_sites: Iterable[Site], model_text_dim: int) -> tuple[Site, ...]:
    """Where each site of the adapter lies in the model.

    Args:
        spec: the adapter.
        model_sites: every text cross-attention of the model, in any order.
        model_text_dim: width of the text tokens that the model reads.

    Returns:
        One Site per site of the adapter, in the adapter's order.

    Raises:
        MismatchError: number, width or place of the sites differ; both sides are named.
    """
    found, block_order = list(model_sites), FAMILIES[spec.family].site_order
    if any(site.block not in block_order for site in found):
        channels = tuple(site.channels for site in found)
        raise _mismatch(describe(channels, model_text_dim), describe(spec.site_channels, spec.text_dim), spec)
    sites = order_sites(found, block_order)
    channels = tuple(site.channels for site in sites)
    if channels != spec.site_channels or model_text_dim != spec.text_dim:
        raise _mismatch(describe(channels, model_text_dim), describe(spec.site_channels, spec.text_dim), spec)
    if spec.sites is not None and sites != spec.sites:
        model, adapter = next(pair for pair in zip(sites, spec.sites, strict=True) if pair[0] != pair[1])
        raise _mismatch(f"a cross-attention at {model.key}", f"one at {adapter.key}", spec)
    return sites


def describe(site_channels: tuple[int, ...], text_dim: int) -> str:
    """The cross-attentions of a model in one phrase."""
    widths = "/".join(str(width) for width in sorted(set(site_channels)))
    return f"{len(site_channels)} text cross-attentions, {widths} wide, over text tokens {text_dim} wide"


def _mismatch(found: str, expected: str, spec: AdapterSpec) -> MismatchError:
    title = FAMILIES[spec.family].title
    return MismatchError(
        "The style adapter does not fit this model.",
        found=f"a model with {found}",
        expected=f"a model with {expected}, as this {title} adapter was trained on",
        fix=f"choose an adapter that was made for this model, or a model of the {title} family",
    )
