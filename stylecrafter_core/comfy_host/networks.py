"""The builds of denoising network: where their text cross-attentions are, and how a style gets into them.

Whatever stood at a place before is called first, and nothing of the host's is written to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from comfy.ldm.modules.attention import SpatialTransformer, optimized_attention
from torch import Tensor, nn

from ..adapter import add_style
from ..errors import HostError, MismatchError
from ..sites import resolve_sites
from ..spec import AdapterSpec, Site
from . import releases
from .conditioning import StyleBatch

# transformer_options, styles of the batch -> transformer_options for this call of the network
Injection = Callable[[dict, StyleBatch], dict]

OVERRIDE = "optimized_attention_override"


@dataclass(frozen=True)
class Network:
    """One build of network.

    Attributes:
        attentions: every text cross-attention of a model of this build by its site, in forward order; none
            for a model of another build.
        text_dim: the width of the text tokens that the model reads.
        keys, values, key_norm: names of the attention's projections and of the norm behind its keys.
        injection: what brings styles to these sites of this model.
    """

    attentions: Callable[[Any], dict[Site, Any]]
    text_dim: Callable[[Any], int]
    keys: str
    values: str
    key_norm: str | None
    injection: Callable[[Any, tuple[Site, ...]], Injection]


def network_of(model: nn.Module) -> Network | None:
    """The build of this model; None for one without text cross-attentions that are known here."""
    return next((network for network in NETWORKS if network.attentions(model)), None)


def sites_for(spec: AdapterSpec, diffusion_model: nn.Module) -> tuple[Site, ...]:
    """Where the adapter's sites lie in this model.

    Raises:
        MismatchError: the model has no text cross-attention, or is not the one the adapter fits.
    """
    network = network_of(diffusion_model)
    if network is None:
        raise MismatchError(
            "The style adapter cannot be used with this model.",
            found=f"a {type(diffusion_model).__name__} without text cross-attentions known here",
            expected="a U-Net such as VideoCrafter or SDXL, or Wan",
            fix="connect the model family that the adapter was made for",
        )
    return resolve_sites(spec, network.attentions(diffusion_model), network.text_dim(diffusion_model))


def text_attentions(diffusion_model: nn.Module) -> dict[Site, Any]:
    """Every text cross-attention module by its site, in the order of the forward pass; none is fine."""
    network = network_of(diffusion_model)
    return {} if network is None else network.attentions(diffusion_model)


def injection_for(model: nn.Module, sites: tuple[Site, ...]) -> Injection:
    """What brings styles to the sites of a model, which `sites_for` has found in it."""
    network = network_of(model)
    if network is None:
        raise ValueError(f"{type(model).__name__} has no sites")
    return network.injection(model, sites)


# U-Nets: one replacement slot for every text cross-attention, behind its projections.


def _unet_attentions(model: Any) -> dict[Site, Any]:
    return {
        site: attention
        for block, number, sequence in _sequences(model)
        for layer in sequence
        if isinstance(layer, SpatialTransformer)
        for site, attention in _in_transformer(block, number, layer)
    }


def _sequences(model: Any) -> Iterator[tuple[str, int, Any]]:
    yield from (("input", number, seq) for number, seq in enumerate(getattr(model, "input_blocks", ())))
    middle = getattr(model, "middle_block", None)
    if middle is not None:
        yield "middle", 0, middle
    yield from (("output", number, seq) for number, seq in enumerate(getattr(model, "output_blocks", ())))


def _in_transformer(block: str, number: int, layer: SpatialTransformer) -> Iterator[tuple[Site, Any]]:
    for index, transformer in enumerate(layer.transformer_blocks):
        if transformer.attn2 is not None:
            channels = transformer.attn2.to_k.weight.shape[0]
            yield Site(block, number, index, channels), transformer.attn2


def _unet_text_dim(model: Any) -> int:
    return next(iter(_unet_attentions(model).values())).to_k.weight.shape[1]


def _unet_injection(model: Any, sites: tuple[Site, ...]) -> Injection:
    def with_style(options: dict, batch: StyleBatch) -> dict:
        replacements = options.get("patches_replace", {})
        before = replacements.get("attn2", {})
        styled = {
            site.key: ReplacedAttention(before.get(site.key, before.get(site.key[:2])), batch, index)
            for index, site in enumerate(sites)
        }
        return {**options, "patches_replace": {**replacements, "attn2": {**before, **styled}}}

    return with_style


class ReplacedAttention:
    """One cross-attention of one call: what stood there before, plus the style term."""

    def __init__(self, before: Callable | None, batch: StyleBatch, index: int):
        self.text_attention = before or _host_attention
        self.batch = batch
        self.index = index

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, extra_options: dict) -> Tensor:
        text = self.text_attention(q, k, v, extra_options)
        return add_style(text, q, self.batch.styles, self.index, extra_options["n_heads"])


def _host_attention(q: Tensor, k: Tensor, v: Tensor, extra_options: dict) -> Tensor:
    options = {"transformer_options": extra_options} if releases.ATTENTION_READS_OPTIONS else {}
    return optimized_attention(
        q, k, v, extra_options["n_heads"], attn_precision=extra_options["attn_precision"], **options
    )


# Video transformers (Wan): a row of blocks, each with a self-attention and then a cross-attention `k`, `v`.


def _block_attentions(model: Any) -> dict[Site, Any]:
    if not hasattr(model, "text_embedding"):
        return {}
    attentions: list[Any] = [getattr(block, "cross_attn", None) for block in getattr(model, "blocks", ())]
    return {
        Site("blocks", number, 0, attention.k.weight.shape[0]): attention
        for number, attention in enumerate(attentions)
        if isinstance(getattr(attention, "k", None), nn.Module)
    }


def _embedded_text_dim(model: Any) -> int:
    return model.text_embedding[0].weight.shape[1]


def _block_injection(model: Any, sites: tuple[Site, ...]) -> Injection:
    """Every block runs with an attention function of its own, which knows the text's call by its number."""
    if not releases.ATTENTION_CAN_BE_REPLACED:
        raise HostError(
            "This ComfyUI is too old for a style adapter on Wan.",
            found="attention that cannot be replaced from outside",
            expected="ComfyUI 0.3.75 or newer",
            fix="update ComfyUI",
        )
    # The host's own image-to-video blocks attend to the picture before they attend to the text.
    calls = 3 if hasattr(model.blocks[sites[0].number].cross_attn, "k_img") else 2

    def with_style(options: dict, batch: StyleBatch) -> dict:
        replacements = options.get("patches_replace", {})
        before = replacements.get("dit", {})
        keys = [("double_block", site.number) for site in sites]
        styled = {key: StyledBlock(before.get(key), batch, index, calls) for index, key in enumerate(keys)}
        return {**options, "patches_replace": {**replacements, "dit": {**before, **styled}}}

    return with_style


class StyledBlock:
    """One block of one call: what replaced it before, around the block with styled attention."""

    def __init__(self, before: Callable | None, batch: StyleBatch, index: int, calls: int):
        self.before, self.batch, self.index, self.calls = before, batch, index, calls

    def __call__(self, args: dict, extra: dict) -> Any:
        def block(args: dict) -> Any:
            options = args["transformer_options"]
            attention = NumberedAttention(options.get(OVERRIDE), self.batch, self.index, self.calls)
            out = extra["original_block"]({**args, "transformer_options": {**options, OVERRIDE: attention}})
            attention.check_calls()
            return out

        return block(args) if self.before is None else self.before(args, {**extra, "original_block": block})


class NumberedAttention:
    """The attention function of one block: its last call is the text's, and gets the style term."""

    def __init__(self, before: Callable | None, batch: StyleBatch, index: int, calls: int):
        self.before, self.batch, self.index, self.calls = before, batch, index, calls
        self.called = 0

    def __call__(self, attention: Callable, q: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        self.called += 1
        if self.before is None:
            out = attention(q, *args, **kwargs)
        else:
            out = self.before(attention, q, *args, **kwargs)
        if self.called % self.calls:  # a block may be computed again, for its gradient
            return out
        rows = sum(count for count, _ in self.batch.styles)
        if len(q) != rows:
            raise self._foreign(f"{len(q)} rows", f"{rows} rows")
        heads = kwargs["heads"] if "heads" in kwargs else args[2]
        return add_style(out, q, self.batch.styles, self.index, heads)

    def check_calls(self) -> None:
        """Raise MismatchError unless the block attended as often as the host's own does."""
        if self.called != self.calls:
            raise self._foreign(f"{self.called} calls of attention", f"{self.calls} calls")

    def _foreign(self, found: str, expected: str) -> MismatchError:
        return MismatchError(
            f"The attention in block {self.index} of the model does not run as the style adapter needs it.",
            found=f"{found} in one block",
            expected=expected,
            fix="take out the node that replaces the model's cross-attention, for example one for normalised "
            "attention guidance (NAG)",
        )


NETWORKS = (
    Network(_unet_attentions, _unet_text_dim, "to_k", "to_v", None, _unet_injection),
    Network(_block_attentions, _embedded_text_dim, "k", "v", "norm_k", _block_injection),
)
