"""The shapes of all tensors in our names, written down from a spec, so that no module need be built.

Q queries, W width, D context width, C channels of a site, H·d heads × head width.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..spec import AdapterSpec, EmbedTokensSpec, ScalePredictorSpec, StyleTransformerSpec, TemporalBlockSpec
from ..tensor_names import Shape

MLP_RATIO = 4


def expected_adapter_shapes(spec: AdapterSpec) -> dict[str, Shape]:
    """Shape of every tensor of the adapter that `spec` describes, by our names."""
    return {
        **_style_transformer(spec.style_transformer),
        **({} if spec.scale_predictor is None else _scale_predictor(spec.scale_predictor)),
        **({} if spec.embed_tokens is None else _embed_tokens(spec.embed_tokens, spec.context_dim)),
        **({"site_gains.weight": (len(spec.site_channels), 1)} if spec.learns_gains else {}),
        **_style_kv(spec),
    }


def expected_temporal_shapes(blocks: Iterable[TemporalBlockSpec]) -> dict[str, Shape]:
    """Shape of every tensor of the temporal transformers, by our names."""
    return {
        f"{block.name}.{name}": shape for block in blocks for name, shape in _temporal_block(block).items()
    }


def _module(name: str, weight: Shape) -> dict[str, Shape]:
    return {f"{name}.weight": weight, f"{name}.bias": weight[:1]}


def _query_transformer(prefix: str, queries: int, width: int, depth: int) -> dict[str, Shape]:
    shapes = {
        f"{prefix}.queries.weight": (queries, width),
        **_module(f"{prefix}.ln_pre", (width,)),
        **_module(f"{prefix}.ln_post", (width,)),
    }
    for i in range(depth):
        block = f"{prefix}.blocks.{i}"
        shapes |= _module(f"{block}.ln_1", (width,)) | _module(f"{block}.ln_2", (width,))
        shapes |= _module(f"{block}.attn.qkv", (3 * width, width))
        shapes |= _module(f"{block}.attn.out", (width, width))
        shapes |= _module(f"{block}.mlp.fc", (MLP_RATIO * width, width))
        shapes |= _module(f"{block}.mlp.proj", (width, MLP_RATIO * width))
    return shapes


def _style_transformer(spec: StyleTransformerSpec) -> dict[str, Shape]:
    shapes = _query_transformer("style_transformer", spec.num_queries, spec.width, spec.depth)
    shapes["style_transformer.proj.weight"] = (spec.output_dim, spec.width)
    return shapes


def _scale_predictor(spec: ScalePredictorSpec) -> dict[str, Shape]:
    shapes = _query_transformer("scale_predictor", spec.num_queries, spec.width, spec.depth)
    if spec.projects_inputs or spec.text_dim is not None:
        shapes |= _module("scale_predictor.text_proj", (spec.width, spec.text_dim or spec.input_dim))
    if spec.projects_inputs:
        shapes |= _module("scale_predictor.style_proj", (spec.width, spec.input_dim))
    if spec.projects_output:
        shapes["scale_predictor.proj.weight"] = (spec.width, spec.width)
    shapes |= _module("scale_predictor.head.0", (spec.hidden_dim, spec.width))
    return shapes | _module("scale_predictor.head.2", (1, spec.hidden_dim))


def _embed_tokens(spec: EmbedTokensSpec, output_dim: int) -> dict[str, Shape]:
    projection = _module("embed_tokens.proj", (spec.num_tokens * output_dim, spec.input_dim))
    return projection | _module("embed_tokens.norm", (output_dim,))


def _style_kv(spec: AdapterSpec) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for site, channels in enumerate(spec.site_channels):
        for name in ("to_k", "to_v"):
            weight = (channels, spec.context_dim)
            named = _module(f"style_kv.{site}.{name}", weight)
            shapes |= named if spec.projects_with_bias else {f"style_kv.{site}.{name}.weight": weight}
        if spec.key_norm_eps is not None:
            shapes[f"style_kv.{site}.norm_k.weight"] = (channels,)
        if spec.normalises_style:
            shapes |= _module(f"style_kv.{site}.norm", (channels,))
    return shapes


def _temporal_block(spec: TemporalBlockSpec) -> dict[str, Shape]:
    width = spec.num_heads * spec.head_dim
    inner = MLP_RATIO * width
    block = "transformer_blocks.0"
    shapes = _module("norm", (spec.channels,))
    shapes |= _module("proj_in", (width, spec.channels)) | _module("proj_out", (spec.channels, width))
    for attention in (f"{block}.attn1", f"{block}.attn2"):
        shapes |= {f"{attention}.to_{name}.weight": (width, width) for name in "qkv"}
        shapes |= _module(f"{attention}.to_out.0", (width, width))
        table = (2 * spec.max_distance + 1, spec.head_dim)
        shapes |= {f"{attention}.relative_position_{name}.weight": table for name in "kv"}
    # The feed-forward is gated, so its first layer is twice as wide.
    shapes |= _module(f"{block}.ff.net.0.proj", (2 * inner, width))
    shapes |= _module(f"{block}.ff.net.2", (width, inner))
    for norm in ("norm1", "norm2", "norm3"):
        shapes |= _module(f"{block}.{norm}", (width,))
    return shapes
