"""SDXL, and its published adapter (`stylecrafter_sdxl.ckpt`): names, sizes read off tensors, defaults."""

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

NAME = "sdxl"
STYLE_HEADS, SCALE_HEADS = 20, 8  # of the publication; not in the file
STYLE, SCALE = "image_context_model", "scale_predictor"
GAINS = f"{SCALE}.scale_predictor"
SITE_KEY = re.compile(r"kv_attn_layers\.\d{1,4}\.to_k_style\.weight")
# Block, number, transformer blocks, channels, in the order in which the file counts its sites.
PLACES = (
    ("input", 4, 2, 640),
    ("input", 5, 2, 640),
    ("input", 7, 10, 1280),
    ("input", 8, 10, 1280),
    ("output", 0, 10, 1280),
    ("output", 1, 10, 1280),
    ("output", 2, 10, 1280),
    ("output", 3, 2, 640),
    ("output", 4, 2, 640),
    ("output", 5, 2, 640),
    ("middle", 0, 10, 1280),
)


def sdxl_spec(official: Mapping[str, Tensor], file: str) -> AdapterSpec:
    """The sizes of an SDXL adapter in published names; the head counts are those of the publication.

    Where its sites lie is not in the file: `sites` is None and the family's order decides.

    Raises:
        WeightFileError: a tensor that a size is read from is missing, or sizes contradict each other.
    """
    _, gains, scale_width = shape_of(official, f"{GAINS}.query_emb", (3,), file)
    sites = range(sum(SITE_KEY.fullmatch(name) is not None for name in official))
    keys = [shape_of(official, f"{_site_module(site)}.to_k_style.weight", (2,), file) for site in sites]
    spec = AdapterSpec(
        family=NAME,
        style_transformer=style_transformer_spec(
            official, STYLE, queries="query_emb", projection="proj", heads=STYLE_HEADS, file=file
        ),
        scale_predictor=ScalePredictorSpec(
            num_queries=gains,
            width=scale_width,
            depth=depth_of(official, GAINS, file),
            num_heads=SCALE_HEADS,
            input_dim=shape_of(official, f"{SCALE}.text_proj.weight", (2,), file)[1],
            projects_inputs=True,
            text_first=True,
            projects_output=True,
            hidden_dim=shape_of(official, f"{SCALE}.out_proj.0.weight", (2,), file)[0],
        ),
        site_channels=tuple(channels for channels, _ in keys),
        sites=None,
        context_dim=keys[0][1],
        normalises_style=normalises_style(official),
    )
    return check_adapter_spec(spec, file)


def sdxl_table(spec: AdapterSpec) -> Table:
    """Published name ↔ ours for every tensor of the adapter.

    Raises:
        MismatchError: the adapter has no scale predictor, which the published ones have.
    """
    predictor = spec.scale_predictor
    if predictor is None:
        raise MismatchError(
            "This style adapter cannot be written in the published SDXL format.",
            found="a spec without a scale predictor",
            expected="one with a scale predictor",
            fix="save it in StyleCrafter's own format",
        )
    return (
        *query_transformer_table(STYLE, "style_transformer", "query_emb", spec.style_transformer.depth),
        Row(f"{STYLE}.proj", "style_transformer.proj.weight", TRANSPOSED),
        *query_transformer_table(GAINS, "scale_predictor", "query_emb", predictor.depth),
        Row(f"{GAINS}.proj", "scale_predictor.proj.weight", TRANSPOSED),
        *same_parameters(f"{SCALE}.text_proj", "scale_predictor.text_proj"),
        *same_parameters(f"{SCALE}.style_proj", "scale_predictor.style_proj"),
        *same_parameters(f"{SCALE}.out_proj.0", "scale_predictor.head.0"),
        *same_parameters(f"{SCALE}.out_proj.2", "scale_predictor.head.2"),
        *site_table(map(_site_module, range(len(spec.site_channels))), spec.normalises_style),
    )


def is_sdxl_adapter(names: Iterable[str]) -> bool:
    """Whether one of these is the published name of an SDXL site's key projection."""
    return any(map(SITE_KEY.fullmatch, names))


def _site_module(site: int) -> str:
    # The file counts self-attention slots too, and they come first in every transformer block.
    return f"kv_attn_layers.{2 * site + 1}"


SDXL = Family(
    name=NAME,
    title="SDXL",
    image_tokens="sdxl",
    site_order=("input", "output", "middle"),
    style_heads=STYLE_HEADS,
    scale_heads=SCALE_HEADS,
    sizes=Sizes(num_queries=16, depth=4, scale_width=512, scale_depth=2, text_first=True, projects=True),
    defaults=Defaults(strength=0.5, cfg_text=7.5, cfg_style=5.0, steps=30, width=1024, height=1024),
    published=Published(
        words="style adapter for SDXL, as published",
        recognises=is_sdxl_adapter,
        spec=sdxl_spec,
        table=sdxl_table,
        sites=tuple(
            Site(block, number, index, channels)
            for block, number, depth, channels in PLACES
            for index in range(depth)
        ),
    ),
)
