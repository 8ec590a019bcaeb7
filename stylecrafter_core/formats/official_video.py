"""The published video adapter (`adapter_v1.pth`): its names, and the sizes read off its tensors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from ..errors import MismatchError
from ..spec import FAMILIES, AdapterSpec, ScalePredictorSpec, Site, StyleTransformerSpec
from .query_transformer import check_adapter_spec, depth_of, query_transformer_table, site_table
from .renaming import TRANSPOSED, Row, Table, same_parameters
from .shapes import shape_of

FAMILY = "video"
STYLE, SCALE = "image_context_model", "scale_predictor"
SITE_KEY = re.compile(
    r"kv_attn_layers\.(?:(input|output)_blocks_(\d{1,4})_1|(middle)_block_1)_transformer_blocks_(\d{1,4})_attn2_processor"
    r"\.to_k_style\.weight"
)


def video_spec(official: Mapping[str, Tensor], file: str) -> AdapterSpec:
    """The sizes of a video adapter in published names; the head counts are those of the publication.

    Raises:
        WeightFileError: a tensor that a size is read from is missing, or sizes contradict each other.
    """
    _, style_queries, style_width = shape_of(official, f"{STYLE}.style_emb", (3,), file)
    _, gains, scale_width = shape_of(official, f"{SCALE}.scale_emb", (3,), file)
    _, output_dim = shape_of(official, f"{STYLE}.proj", (2,), file)
    sites = _sites(official, file)
    first = f"{_site_module(sites[0])}.to_k_style.weight"
    spec = AdapterSpec(
        family=FAMILY,
        style_transformer=StyleTransformerSpec(
            num_queries=style_queries,
            width=style_width,
            depth=depth_of(official, STYLE, file),
            num_heads=FAMILIES[FAMILY].style_heads,
            output_dim=output_dim,
        ),
        scale_predictor=ScalePredictorSpec(
            num_queries=gains,
            width=scale_width,
            depth=depth_of(official, SCALE, file),
            num_heads=FAMILIES[FAMILY].scale_heads,
            input_dim=scale_width,
            projects_inputs=False,
            text_first=False,
            projects_output=False,
            hidden_dim=shape_of(official, f"{SCALE}.out.0.weight", (2,), file)[0],
        ),
        site_channels=tuple(site.channels for site in sites),
        sites=sites,
        context_dim=shape_of(official, first, (2,), file)[1],
        normalises_style=any(".norm_style." in name for name in official),
    )
    return check_adapter_spec(spec, file)


def video_table(spec: AdapterSpec) -> Table:
    """Published name ↔ ours for every tensor of the adapter.

    Raises:
        MismatchError: the spec does not say where its sites lie, which the published names need.
    """
    predictor = spec.scale_predictor
    if spec.sites is None or predictor is None:
        raise MismatchError(
            "This style adapter cannot be written in the published video format.",
            found="a spec without sites" if spec.sites is None else "a spec without a scale predictor",
            expected="block, number and index of every cross-attention, and a scale predictor",
            fix="save it in StyleCrafter's own format",
        )
    return (
        *query_transformer_table(STYLE, "style_transformer", "style_emb", spec.style_transformer.depth),
        Row(f"{STYLE}.proj", "style_transformer.proj.weight", TRANSPOSED),
        *query_transformer_table(SCALE, "scale_predictor", "scale_emb", predictor.depth),
        *same_parameters(f"{SCALE}.out.0", "scale_predictor.head.0"),
        *same_parameters(f"{SCALE}.out.2", "scale_predictor.head.2"),
        *site_table((_site_module(site) for site in spec.sites), spec.normalises_style),
    )


def is_video_site(name: str) -> bool:
    """Whether an official tensor name is that of a video site's key projection."""
    return SITE_KEY.fullmatch(name) is not None


def _sites(names: Mapping[str, Tensor], file: str) -> tuple[Site, ...]:
    """The sites, in the order in which the U-Net is run."""
    found: Iterable[re.Match[str]] = filter(None, map(SITE_KEY.fullmatch, names))
    order = FAMILIES[FAMILY].site_order
    sites = [
        Site(key[1] or key[3], int(key[2] or 0), int(key[4]), shape_of(names, key[0], (2,), file)[0])
        for key in found
    ]
    return tuple(sorted(sites, key=lambda site: (order.index(site.block), site.number, site.index)))


def _site_module(site: Site) -> str:
    block = "middle_block_1" if site.block == "middle" else f"{site.block}_blocks_{site.number}_1"
    return f"kv_attn_layers.{block}_transformer_blocks_{site.index}_attn2_processor"
