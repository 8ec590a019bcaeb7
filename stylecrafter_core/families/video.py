"""VideoCrafter, and its published adapter (`adapter_v1.pth`): names, sizes read off tensors, defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from ..errors import MismatchError
from ..spec import AdapterSpec, ScalePredictorSpec, Site
from ..tensor_names import TRANSPOSED, Row, Table, same_parameters, shape_of
from .family import Defaults, Family, Published, Sizes
from .published import (
    check_adapter_spec,
    depth_of,
    normalises_style,
    query_transformer_table,
    site_table,
    style_transformer_spec,
)

NAME = "video"
SITE_ORDER = ("input", "middle", "output")
STYLE_HEADS = SCALE_HEADS = 8  # of the publication; not in the file
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
    _, gains, scale_width = shape_of(official, f"{SCALE}.scale_emb", (3,), file)
    sites = _sites(official, file)
    first = f"{_site_module(sites[0])}.to_k_style.weight"
    spec = AdapterSpec(
        family=NAME,
        style_transformer=style_transformer_spec(
            official, STYLE, queries="style_emb", projection="proj", heads=STYLE_HEADS, file=file
        ),
        scale_predictor=ScalePredictorSpec(
            num_queries=gains,
            width=scale_width,
            depth=depth_of(official, SCALE, file),
            num_heads=SCALE_HEADS,
            input_dim=scale_width,
            projects_inputs=False,
            text_first=False,
            projects_output=False,
            hidden_dim=shape_of(official, f"{SCALE}.out.0.weight", (2,), file)[0],
        ),
        site_channels=tuple(site.channels for site in sites),
        sites=sites,
        context_dim=shape_of(official, first, (2,), file)[1],
        normalises_style=normalises_style(official),
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


def is_video_adapter(names: Iterable[str]) -> bool:
    """Whether one of these is the published name of a video site's key projection."""
    return any(map(SITE_KEY.fullmatch, names))


def _sites(names: Mapping[str, Tensor], file: str) -> tuple[Site, ...]:
    """The sites, in the order in which the U-Net is run."""
    found: Iterable[re.Match[str]] = filter(None, map(SITE_KEY.fullmatch, names))
    sites = [
        Site(key[1] or key[3], int(key[2] or 0), int(key[4]), shape_of(names, key[0], (2,), file)[0])
        for key in found
    ]
    return tuple(sorted(sites, key=lambda site: (SITE_ORDER.index(site.block), site.number, site.index)))


def _site_module(site: Site) -> str:
    block = "middle_block_1" if site.block == "middle" else f"{site.block}_blocks_{site.number}_1"
    return f"kv_attn_layers.{block}_transformer_blocks_{site.index}_attn2_processor"


VIDEO = Family(
    name=NAME,
    title="VideoCrafter",
    image_tokens="video",
    site_order=SITE_ORDER,
    style_heads=STYLE_HEADS,
    scale_heads=SCALE_HEADS,
    sizes=Sizes(num_queries=8, depth=3, scale_width=None, scale_depth=2, text_first=False, projects=False),
    defaults=Defaults(strength=1.0, cfg_text=16.0, cfg_style=8.5, steps=50, width=512, height=320, frames=16),
    published=Published(
        words="style adapter for video, as published",
        recognises=is_video_adapter,
        spec=video_spec,
        table=video_table,
        nested=True,
    ),
)
