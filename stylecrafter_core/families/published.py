"""Names and sizes of the published query transformers; Q-Formers and scale predictors share them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor

from ..errors import WeightFileError
from ..spec import AdapterSpec, StyleTransformerSpec
from ..tensor_names import LEADING_ONE, MOST_SITES, Row, Table, count_numbered, same_parameters, shape_of

BLOCK_MODULES = (
    ("ln_1", "ln_1"),
    ("ln_2", "ln_2"),
    ("attn.out_proj", "attn.out"),
    ("mlp.c_fc", "mlp.fc"),
    ("mlp.c_proj", "mlp.proj"),
)


def query_transformer_table(official: str, ours: str, queries: str, depth: int) -> Table:
    """Rows of a query transformer under the prefix `official`, whose learned queries are called `queries`."""
    rows = [
        Row(f"{official}.{queries}", f"{ours}.queries.weight", LEADING_ONE),
        *same_parameters(f"{official}.ln1", f"{ours}.ln_pre"),
        *same_parameters(f"{official}.ln2", f"{ours}.ln_post"),
    ]
    for i in range(depth):
        theirs, block = f"{official}.transformer_blocks.resblocks.{i}", f"{ours}.blocks.{i}"
        rows.append(Row(f"{theirs}.attn.in_proj_weight", f"{block}.attn.qkv.weight"))
        rows.append(Row(f"{theirs}.attn.in_proj_bias", f"{block}.attn.qkv.bias"))
        for their_module, module in BLOCK_MODULES:
            rows.extend(same_parameters(f"{theirs}.{their_module}", f"{block}.{module}"))
    return tuple(rows)


def depth_of(names: Iterable[str], official: str, file: str) -> int:
    """Number of blocks of the query transformer under the prefix `official`; see `count_numbered`."""
    return count_numbered(names, f"{official}.transformer_blocks.resblocks.", file)


def style_transformer_spec(
    official: Mapping[str, Tensor], prefix: str, *, queries: str, projection: str, heads: int, file: str
) -> StyleTransformerSpec:
    """The sizes of a published Q-Former; the number of heads is in no tensor.

    Args:
        prefix: of its names.
        queries, projection: what its learned queries and the matrix behind it are called.
        file: shown in the message.

    Raises:
        WeightFileError: a tensor that a size is read from is missing or has other dimensions.
    """
    _, num_queries, width = shape_of(official, f"{prefix}.{queries}", (3,), file)
    return StyleTransformerSpec(
        num_queries=num_queries,
        width=width,
        depth=depth_of(official, prefix, file),
        num_heads=heads,
        output_dim=shape_of(official, f"{prefix}.{projection}", (2,), file)[1],
    )


def normalises_style(names: Iterable[str]) -> bool:
    """Whether a norm follows the style attention, by the published names."""
    return any(".norm_style." in name for name in names)


def site_table(official_sites: Iterable[str], normalises_style: bool) -> Table:
    """Rows of the style keys, values and norms, given the published module name of every site in order."""
    rows: list[Row] = []
    for site, theirs in enumerate(official_sites):
        ours = f"style_kv.{site}"
        rows.append(Row(f"{theirs}.to_k_style.weight", f"{ours}.to_k.weight"))
        rows.append(Row(f"{theirs}.to_v_style.weight", f"{ours}.to_v.weight"))
        if normalises_style:
            rows.extend(same_parameters(f"{theirs}.norm_style", f"{ours}.norm"))
    return tuple(rows)


def without_prefix(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Official adapter names without the `adapter.` that some releases put in front."""
    return {name.removeprefix("adapter."): tensor for name, tensor in tensors.items()}


def check_adapter_spec(spec: AdapterSpec, file: str) -> AdapterSpec:
    """The spec itself, once its sizes fit each other.

    Raises:
        WeightFileError: heads do not divide a width, gains and sites differ in number, the style tokens do
            not have the width that keys, values and the scale predictor read, or a null style has no bias.
    """
    predictor = spec.scale_predictor
    for what, part in (("style transformer", spec.style_transformer), ("scale predictor", predictor)):
        if part is not None and (part.num_heads < 1 or part.width % part.num_heads):
            raise _inconsistent(
                file, f"a {what} {part.width} wide", f"a width that {part.num_heads} heads divide"
            )
    sites = len(spec.site_channels)
    if sites > MOST_SITES:
        raise _inconsistent(file, f"{sites} cross-attentions", f"at most {MOST_SITES}")
    if predictor is not None and sites != predictor.num_queries:
        raise _inconsistent(
            file,
            f"{predictor.num_queries} gains for {sites} cross-attentions",
            "one gain per cross-attention",
        )
    if spec.sites is not None and tuple(site.channels for site in spec.sites) != spec.site_channels:
        raise _inconsistent(file, "sites of other widths than their keys and values", "the same widths")
    if spec.has_null and (spec.normalises_style or not spec.projects_with_bias):
        raise _inconsistent(
            file,
            "a null style beside style values without a bias, or with a norm behind them",
            "values with a bias and without a norm",
        )
    read = spec.context_dim if predictor is None else predictor.input_dim
    widths = (spec.style_transformer.output_dim, read, spec.context_dim)
    if len(set(widths)) > 1:
        raise _inconsistent(
            file,
            "style tokens {} wide, a scale predictor that reads {}, style keys that read {}".format(*widths),
            "one width for all three",
        )
    return spec


def _inconsistent(file: str, found: str, expected: str) -> WeightFileError:
    return WeightFileError(
        f"The parts of the style adapter in {file} do not fit each other.",
        found=found,
        expected=expected,
        fix="choose a complete adapter, as published",
    )
