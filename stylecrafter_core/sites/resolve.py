"""From the cross-attentions that a model has to the site order of an adapter."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import MismatchError
from ..spec import FAMILIES, AdapterSpec, Site


def order_sites(sites: Iterable[Site], block_order: tuple[str, str, str]) -> tuple[Site, ...]:
    """Sites sorted by block in `block_order`, then by number, then by depth."""
    return tuple(sorted(sites, key=lambda s: (block_order.index(s.block), s.number, s.index)))


def resolve_sites(spec: AdapterSpec, model_sites: Iterable[Site], model_context_dim: int) -> tuple[Site, ...]:
    """Where each site of the adapter lies in the model.

    Args:
        spec: the adapter.
        model_sites: every text cross-attention of the model, in any order.
        model_context_dim: width of the text tokens that the model reads.

    Returns:
        One Site per site of the adapter, in the adapter's order.

    Raises:
        MismatchError: number, width or place of the sites differ; both sides are named.
    """
    sites = order_sites(model_sites, FAMILIES[spec.family].site_order)
    channels = tuple(site.channels for site in sites)
    if channels != spec.site_channels or model_context_dim != spec.context_dim:
        raise _mismatch(
            describe(channels, model_context_dim), describe(spec.site_channels, spec.context_dim), spec
        )
    if spec.sites is not None and sites != spec.sites:
        model, adapter = next(pair for pair in zip(sites, spec.sites, strict=True) if pair[0] != pair[1])
        raise _mismatch(f"a cross-attention at {model.key}", f"one at {adapter.key}", spec)
    return sites


def describe(site_channels: tuple[int, ...], context_dim: int) -> str:
    """The cross-attentions of a U-Net in one phrase."""
    widths = "/".join(str(width) for width in sorted(set(site_channels)))
    return f"{len(site_channels)} text cross-attentions, {widths} wide, over text tokens {context_dim} wide"


def _mismatch(found: str, expected: str, spec: AdapterSpec) -> MismatchError:
    title = FAMILIES[spec.family].title
    return MismatchError(
        "The style adapter does not fit this model.",
        found=f"a model with {found}",
        expected=f"a model with {expected}, as this {title} adapter was trained on",
        fix=f"connect a {title} model, or load an adapter that was made for this model",
    )
