"""What is in an adapter, a set of temporal blocks or a video base, as sections of plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from torch import Tensor

from ...columns import columns, facts
from ...families import FAMILIES, image_tokens_of
from ...spec import (
    AdapterSpec,
    ScalePredictorSpec,
    Site,
    StyleTransformerSpec,
    TemporalBlockSpec,
    UNetSpec,
)
from .. import VideoBase, expected_adapter_shapes

ADAPTER_PARTS = {
    "style_transformer.": "Q-Former",
    "scale_predictor.": "scale predictor",
    "style_kv.": "style K, V and norms",
    "embed_tokens.": "style tokens from the embedding",
    "site_gains.": "learned gains",
}


def adapter_sections(spec: AdapterSpec, tensors: Mapping[str, Tensor]) -> list[str]:
    """Family, parameters per part, sizes, sites.

    Args:
        tensors: by our names; those that are in the file.
    """
    family = FAMILIES[spec.family]
    about = facts(
        [
            ("family", f"{spec.family} ({family.title})"),
            (
                "image tokens",
                f"{spec.style_transformer.width} wide, of the {image_tokens_of(spec)} family's kind",
            ),
            ("text tokens", f"{spec.text_dim} wide"),
            ("style attention", "normalised" if spec.normalises_style else "not normalised"),
        ]
    )
    groups = {
        words: [tensor for name, tensor in tensors.items() if name.startswith(prefix)]
        for prefix, words in ADAPTER_PARTS.items()
        if any(name.startswith(prefix) for name in expected_adapter_shapes(spec))
    }
    return [about, parameters(groups), _query_transformers(spec), _sites(spec)]


def temporal_sections(blocks: Sequence[TemporalBlockSpec], tensors: Mapping[str, Tensor]) -> list[str]:
    """One row per temporal block; `tensors` as in `adapter_sections`."""
    heading = ("temporal block", "channels", "heads", "head width", "frames apart", "projections", "M")
    rows = []
    for block in blocks:
        numbers = (block.channels, block.num_heads, block.head_dim, block.max_distance)
        projections = "convolution" if block.convolves else "linear"
        mine = [tensor for name, tensor in tensors.items() if name.startswith(f"{block.name}.")]
        rows.append((block.name, *map(str, numbers), projections, _millions(mine)))
    return [parameters({f"{len(blocks)} temporal blocks": tensors.values()}), columns(heading, rows)]


def base_sections(base: VideoBase) -> list[str]:
    """Sizes of the U-Net, parameters per part, and the temporal blocks."""
    places = tuple(f"{block.name}." for block in base.unet_spec.temporal_blocks)
    temporal = {name: tensor for name, tensor in base.unet.items() if name.startswith(places)}
    spatial = [tensor for name, tensor in base.unet.items() if name not in temporal]
    groups: dict[str, Iterable[Tensor]] = {
        "U-Net without temporal blocks": spatial,
        "temporal blocks": temporal.values(),
        "text encoder": base.text.values(),
        "VAE": base.vae.values(),
    }
    blocks = temporal_sections(base.unet_spec.temporal_blocks, temporal)[-1]
    return [_unet(base), parameters(groups), blocks]


def parameters(groups: Mapping[str, Iterable[Tensor]]) -> str:
    """Tensors, millions of parameters and number types per part, and of all parts."""
    parts = {words: list(tensors) for words, tensors in groups.items()}
    parts["all"] = [tensor for tensors in parts.values() for tensor in tensors]
    rows = [(words, str(len(part)), _millions(part), _dtypes(part)) for words, part in parts.items()]
    return columns(("part", "tensors", "parameters (M)", "numbers"), rows)


def _millions(tensors: Iterable[Tensor]) -> str:
    return f"{sum(tensor.numel() for tensor in tensors) / 1e6:.2f}"


def _dtypes(tensors: Iterable[Tensor]) -> str:
    names = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in tensors})
    return ", ".join(names) or "none in the file"


def _query_transformers(spec: AdapterSpec) -> str:
    style, scale = spec.style_transformer, spec.scale_predictor
    heading = ("", "queries", "width", "depth", "heads", "reads", "answers")
    rows = [_row("Q-Former", style, style.width, style.output_dim)]
    if scale is not None:
        rows.append(_row("scale predictor", scale, scale.input_dim, 1))
    return columns(heading, rows)


def _row(
    words: str, part: StyleTransformerSpec | ScalePredictorSpec, reads: int, answers: int
) -> tuple[str, ...]:
    numbers = (part.num_queries, part.width, part.depth, part.num_heads, reads, answers)
    return (words, *map(str, numbers))


def _sites(spec: AdapterSpec) -> str:
    """Runs of neighbouring sites in the same kind of block and of the same width, one row each."""
    counted = list(enumerate(zip(_places(spec), spec.site_channels)))
    rows = []
    for (_, channels), run in groupby(counted, key=lambda entry: (_block(entry[1][0]), entry[1][1])):
        entries = list(run)
        first, last = entries[0][0], entries[-1][0]
        numbers = str(first) if first == last else f"{first} to {last}"
        rows.append((numbers, str(channels), _place([site for _, (site, _) in entries])))
    order = ", ".join(FAMILIES[spec.family].site_order)
    found = columns(("sites", "channels", "place in the U-Net"), rows)
    return f"{len(spec.site_channels)} text cross-attentions, counted {order}\n{found}"


def _places(spec: AdapterSpec) -> Sequence[Site | None]:
    """Where each site lies; an SDXL file as published does not say, its widths may."""
    published = FAMILIES[spec.family].published
    known = published.sites if published is not None else ()
    if spec.sites is None and tuple(site.channels for site in known) == spec.site_channels:
        return known
    return spec.sites or [None] * len(spec.site_channels)


def _block(site: Site | None) -> str:
    return site.block if site else ""


def _place(sites: Sequence[Site | None]) -> str:
    places = dict.fromkeys(f"{site.block} {site.number}" for site in sites if site)
    return ", ".join(places) or "not in the file"


def _unet(base: VideoBase) -> str:
    spec: UNetSpec = base.unet_spec
    widths = ", ".join(str(spec.model_channels * factor) for factor in spec.channel_mult)
    depths = (*spec.transformer_depth, *spec.transformer_depth_output, max(spec.transformer_depth_middle, 0))
    return facts(
        [
            ("latent channels", f"{spec.in_channels} in, {spec.out_channels} out"),
            ("widths", f"{widths} (one per level)"),
            ("residual blocks", f"{', '.join(map(str, spec.num_res_blocks))} (one per level)"),
            ("text cross-attentions", f"{sum(depths)}, over text tokens {spec.context_dim} wide"),
            ("attention heads", f"{spec.head_dim} wide"),
            ("projections", "linear" if spec.linear_projections else "convolutions"),
            ("temporal blocks", str(len(spec.temporal_blocks))),
            ("text encoder", "in the file" if base.text else "not in the file"),
            ("VAE", "in the file" if base.vae else "not in the file"),
        ]
    )
