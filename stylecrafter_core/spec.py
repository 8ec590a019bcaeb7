"""Frozen descriptions of an adapter and of the U-Net it fits. Plain data: no torch, no host.

Everything here is read off a weight file or a model; nothing is decided by a file's name. Variants of the
method are different values of these records, never flags in the code that uses them.
"""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Site:
    """One text cross-attention of the denoising network, addressed as the host addresses it.

    Attributes:
        block: "input", "middle" or "output" of a U-Net; "blocks" of a transformer, which has one list.
        number: index of the block in its list (0 for the middle).
        index: index of the transformer block inside the spatial transformer (0 in a transformer's block).
        channels: width of the attention's query, and of the style K and V.
    """

    block: str
    number: int
    index: int
    channels: int

    @property
    def key(self) -> tuple[str, int, int]:
        """The key of the host's attn2 replacement slot."""
        return (self.block, self.number, self.index)


@dataclass(frozen=True)
class StyleTransformerSpec:
    """The Q-Former: `num_queries` learned queries read CLIP tokens of `width` and answer in `output_dim`."""

    num_queries: int
    width: int
    depth: int
    num_heads: int
    output_dim: int


@dataclass(frozen=True)
class ScalePredictorSpec:
    """The query transformer that predicts one factor per site.

    Attributes:
        num_queries: one per site.
        width: width of its blocks.
        depth, num_heads: of its blocks.
        input_dim: width of text and style tokens. They are projected to `width` when `projects_inputs`.
        projects_inputs: text and style pass a linear layer each before they enter (SDXL family).
        text_first: order of the sequence after the queries: text, style (SDXL) or style, text (video).
        projects_output: a bare matrix after the last norm, before the head (SDXL family).
        hidden_dim: width of the output head's hidden layer.
        text_dim: width of the text tokens where it is not `input_dim`; they are projected, then.
        masks_padding: text rows of nothing but zeros are padding, which no query reads (umT5).
    """

    num_queries: int
    width: int
    depth: int
    num_heads: int
    input_dim: int
    projects_inputs: bool
    text_first: bool
    projects_output: bool
    hidden_dim: int
    text_dim: int | None = None
    masks_padding: bool = False


@dataclass(frozen=True)
class EmbedTokensSpec:
    """`num_tokens` style tokens made of the picture's CLIP embedding, which is `input_dim` wide."""

    num_tokens: int
    input_dim: int


@dataclass(frozen=True)
class AdapterSpec:
    """All sizes of one style adapter. What has a default is left out of `to_dict` where it has it.

    Attributes:
        family: a key of `families.FAMILIES`, which says what no tensor tells.
        site_channels: width of each site, in the adapter's own site order.
        sites: where site i lies; None where the file does not say (SDXL: the order of its family decides).
        context_dim: width of the style tokens, which the style keys and values read.
        normalises_style: a LayerNorm over the merged heads follows the style attention.
        clip_tokens: name of the image-token contract in `features`; None is the family's.
        embed_tokens: further style tokens, made of the CLIP embedding; None where there are none.
        dropped_share: share of a picture's CLIP tokens that the Q-Former does not read: those that are
            least like the prompt. Above 0 the style tokens depend on the prompt.
        projects_with_bias: the style keys and values have biases.
        key_norm_eps: an RMS norm over all heads follows the style keys, with this eps; None: no norm.
        learns_gains: every site has a learned factor beside the predicted one.
        has_null: a pass without style has the term of a null style, whose tokens are zeros.
    """

    family: str
    style_transformer: StyleTransformerSpec
    scale_predictor: ScalePredictorSpec | None
    site_channels: tuple[int, ...]
    sites: tuple[Site, ...] | None
    context_dim: int
    normalises_style: bool
    clip_tokens: str | None = None
    embed_tokens: EmbedTokensSpec | None = None
    dropped_share: float = 0.0
    projects_with_bias: bool = False
    key_norm_eps: float | None = None
    learns_gains: bool = False
    has_null: bool = False

    @property
    def text_dim(self) -> int:
        """Width of the text tokens that belong to the adapter."""
        predictor = self.scale_predictor
        return self.context_dim if predictor is None else predictor.text_dim or self.context_dim

    @property
    def reads_prompt(self) -> bool:
        """Whether the style tokens depend on the prompt."""
        return self.dropped_share > 0.0

    @property
    def num_tokens(self) -> int:
        """Style tokens of one encoding."""
        embedded = 0 if self.embed_tokens is None else self.embed_tokens.num_tokens
        return self.style_transformer.num_queries + embedded

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings, for a file's header."""
        data = _without_defaults(self, asdict(self))
        if self.scale_predictor is not None:
            data["scale_predictor"] = _without_defaults(self.scale_predictor, data["scale_predictor"])
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AdapterSpec:
        """The inverse of `to_dict`."""
        sites, predictor, embed = data["sites"], data["scale_predictor"], data.get("embed_tokens")
        parts = {
            "style_transformer": StyleTransformerSpec(**data["style_transformer"]),
            "scale_predictor": None if predictor is None else ScalePredictorSpec(**predictor),
            "embed_tokens": None if embed is None else EmbedTokensSpec(**embed),
            "site_channels": tuple(data["site_channels"]),
            "sites": None if sites is None else tuple(Site(**site) for site in sites),
        }
        return cls(**{**data, **parts})


def _without_defaults(record: Any, data: dict[str, Any]) -> dict[str, Any]:
    """The record's values less those that are their defaults: older files stay what they were."""
    defaults = {field.name: field.default for field in fields(record) if field.default is not MISSING}
    return {name: value for name, value in data.items() if name not in defaults or value != defaults[name]}


@dataclass(frozen=True)
class TemporalBlockSpec:
    """One temporal transformer, inserted after the named place of the host's U-Net.

    Attributes:
        name: where it lies in the host U-Net's own naming, e.g. "input_blocks.1.2" or "input_blocks.0.1".
        channels: of the feature map it works on.
        num_heads, head_dim: of both self-attentions; their product is the inner width.
        max_distance: relative positions are clipped to ±max_distance frames.
        convolves: input and output projections are 1-wide convolutions in the file (init_attn.0).
    """

    name: str
    channels: int
    num_heads: int
    head_dim: int
    max_distance: int
    convolves: bool


@dataclass(frozen=True)
class UNetSpec:
    """All sizes of a video U-Net: the host's spatial U-Net and the temporal blocks in it.

    Attributes:
        in_channels, out_channels: of the latent.
        model_channels, channel_mult, num_res_blocks: as in Stable Diffusion; one entry per level.
        transformer_depth: one entry per input res block (0 = no attention), in order.
        transformer_depth_output: one entry per output res block, in the order the host pops them.
        transformer_depth_middle: depth of the middle spatial transformer.
        context_dim: width of the text tokens.
        head_dim: width of an attention head.
        linear_projections: spatial transformers project by Linear (SD 2.1) rather than 1×1 convolution.
        temporal_blocks: in the order of the forward pass.
    """

    in_channels: int
    out_channels: int
    model_channels: int
    channel_mult: tuple[int, ...]
    num_res_blocks: tuple[int, ...]
    transformer_depth: tuple[int, ...]
    transformer_depth_middle: int
    transformer_depth_output: tuple[int, ...]
    context_dim: int
    head_dim: int
    linear_projections: bool
    temporal_blocks: tuple[TemporalBlockSpec, ...]


@dataclass(frozen=True)
class SizeIds:
    """What SDXL is told about a picture, in pixels: its size before the crop, the crop, its size after."""

    width: int
    height: int
    crop_left: int
    crop_top: int
    target_width: int
    target_height: int
