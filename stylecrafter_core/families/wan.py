"""Wan, and its published adapter (StyleMaster, `stylemaster.ckpt`): names, sizes read off tensors, defaults.

The published file holds the whole Wan model beside the adapter; only the adapter's tensors are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from ..errors import MismatchError
from ..spec import AdapterSpec, EmbedTokensSpec, Site
from ..tensor_names import TRANSPOSED, Row, Table, count_numbered, same_parameters, shape_of
from .family import Defaults, Family, Published, Sizes
from .published import check_adapter_spec, query_transformer_table, style_transformer_spec

NAME = "wan"
STYLE = "style_model"
QUERIES = f"{STYLE}.style_emb"
# As published, and not in the file.
STYLE_HEADS = 8
DROPPED_SHARE = 0.95
KEY_NORM_EPS = 1e-5
_ADAPTER_NAME = re.compile(rf"{STYLE}\..+|blocks\.\d+\.cross_attn\.(k_img|v_img|norm_k_img)\..+")


def is_stylemaster(names: Iterable[str]) -> bool:
    """Whether these are the names of a StyleMaster adapter; Wan's own image models lack the style model."""
    return QUERIES in names


def beside_the_adapter(names: Iterable[str]) -> tuple[str, ...]:
    """The names of the Wan model in the file."""
    return tuple(name for name in names if _ADAPTER_NAME.fullmatch(name) is None)


def stylemaster_spec(official: Mapping[str, Tensor], file: str) -> AdapterSpec:
    """The sizes of a StyleMaster adapter in published names.

    Raises:
        WeightFileError: a tensor that a size is read from is missing, or sizes contradict each other.
    """
    style_transformer = style_transformer_spec(
        official, STYLE, queries="style_emb", projection="proj_patch", heads=STYLE_HEADS, file=file
    )
    outputs, embed_dim = shape_of(official, f"{STYLE}.proj.weight", (2,), file)
    keys = [name for name in official if _ADAPTER_NAME.fullmatch(name) and name.startswith("blocks.")]
    shapes = [
        shape_of(official, f"{_site_module(block)}.k_img.weight", (2,), file)
        for block in range(count_numbered(keys, "blocks.", file))
    ]
    spec = AdapterSpec(
        family=NAME,
        style_transformer=style_transformer,
        scale_predictor=None,
        site_channels=tuple(channels for channels, _ in shapes),
        sites=tuple(Site("blocks", block, 0, channels) for block, (channels, _) in enumerate(shapes)),
        context_dim=style_transformer.output_dim,
        normalises_style=False,
        clip_tokens="stylemaster",
        embed_tokens=EmbedTokensSpec(max(1, outputs // style_transformer.output_dim), embed_dim),
        dropped_share=DROPPED_SHARE,
        projects_with_bias=True,
        key_norm_eps=KEY_NORM_EPS,
        has_null=True,
    )
    return check_adapter_spec(spec, file)


def stylemaster_table(spec: AdapterSpec) -> Table:
    """Published name ↔ ours for every tensor of the adapter.

    Raises:
        MismatchError: an adapter for Wan of another build than the published one.
    """
    if spec.embed_tokens is None or spec.scale_predictor is not None or not spec.projects_with_bias:
        raise MismatchError(
            "This style adapter cannot be written in the published StyleMaster format.",
            found="an adapter for Wan of StyleCrafter's own build",
            expected="one that was loaded from stylemaster.ckpt",
            fix="save it in StyleCrafter's own format",
        )
    rows = [
        *query_transformer_table(STYLE, "style_transformer", "style_emb", spec.style_transformer.depth),
        Row(f"{STYLE}.proj_patch", "style_transformer.proj.weight", TRANSPOSED),
        *same_parameters(f"{STYLE}.proj", "embed_tokens.proj"),
        *same_parameters(f"{STYLE}.norm", "embed_tokens.norm"),
    ]
    for block in range(len(spec.site_channels)):
        theirs, ours = _site_module(block), f"style_kv.{block}"
        rows.extend(same_parameters(f"{theirs}.k_img", f"{ours}.to_k"))
        rows.extend(same_parameters(f"{theirs}.v_img", f"{ours}.to_v"))
        rows.append(Row(f"{theirs}.norm_k_img.weight", f"{ours}.norm_k.weight"))
    return tuple(rows)


def _site_module(block: int) -> str:
    return f"blocks.{block}.cross_attn"


WAN = Family(
    name=NAME,
    title="Wan",
    image_tokens="sdxl",
    site_order=("blocks",),
    style_heads=16,
    scale_heads=8,
    sizes=Sizes(
        num_queries=16,
        depth=3,
        scale_width=512,
        scale_depth=3,
        text_first=True,
        projects=True,
        embedded=True,
    ),
    defaults=Defaults(strength=1.0, cfg_text=8.0, cfg_style=4.0, steps=50, width=832, height=480, frames=81),
    objective="flow matching",
    frames_are_rows=False,
    published=Published(
        words="style adapter for Wan, as published (StyleMaster)",
        recognises=is_stylemaster,
        spec=stylemaster_spec,
        table=stylemaster_table,
        ignores=beside_the_adapter,
    ),
)
