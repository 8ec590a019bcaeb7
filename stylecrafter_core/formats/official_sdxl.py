"""The published SDXL adapter (`stylecrafter_sdxl.ckpt`): its names, and the sizes read off its tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from ..errors import MismatchError
from ..spec import FAMILIES, AdapterSpec, ScalePredictorSpec, StyleTransformerSpec
from .query_transformer import check_adapter_spec, depth_of, query_transformer_table, site_table
from .renaming import TRANSPOSED, Row, Table, same_parameters
from .shapes import shape_of

FAMILY = "sdxl"
STYLE, SCALE = "image_context_model", "scale_predictor"
GAINS = f"{SCALE}.scale_predictor"
SITE_KEY = re.compile(r"kv_attn_layers\.\d{1,4}\.to_k_style\.weight")


def sdxl_spec(official: Mapping[str, Tensor], file: str) -> AdapterSpec:
    """The sizes of an SDXL adapter in published names; the head counts are those of the publication.

    Where its sites lie is not in the file: `sites` is None and the family's order decides.

    Raises:
        WeightFileError: a tensor that a size is read from is missing, or sizes contradict each other.
    """
    _, style_queries, style_width = shape_of(official, f"{STYLE}.query_emb", (3,), file)
    _, gains, scale_width = shape_of(official, f"{GAINS}.query_emb", (3,), file)
    sites = range(sum(is_sdxl_site(name) for name in official))
    keys = [shape_of(official, f"{_site_module(site)}.to_k_style.weight", (2,), file) for site in sites]
    spec = AdapterSpec(
        family=FAMILY,
        style_transformer=StyleTransformerSpec(
            num_queries=style_queries,
            width=style_width,
            depth=depth_of(official, STYLE, file),
            num_heads=FAMILIES[FAMILY].style_heads,
            output_dim=shape_of(official, f"{STYLE}.proj", (2,), file)[1],
        ),
        scale_predictor=ScalePredictorSpec(
            num_queries=gains,
            width=scale_width,
            depth=depth_of(official, GAINS, file),
            num_heads=FAMILIES[FAMILY].scale_heads,
            input_dim=shape_of(official, f"{SCALE}.text_proj.weight", (2,), file)[1],
            projects_inputs=True,
            text_first=True,
            projects_output=True,
            hidden_dim=shape_of(official, f"{SCALE}.out_proj.0.weight", (2,), file)[0],
        ),
        site_channels=tuple(channels for channels, _ in keys),
        sites=None,
        context_dim=keys[0][1],
        normalises_style=any(".norm_style." in name for name in official),
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


def is_sdxl_site(name: str) -> bool:
    """Whether an official tensor name is that of an SDXL site's key projection."""
    return SITE_KEY.fullmatch(name) is not None


def _site_module(site: int) -> str:
    # The file counts self-attention slots too, and they come first in every transformer block.
    return f"kv_attn_layers.{2 * site + 1}"
