"""The style adapter as a whole: Q-Former, scale predictor and the style projections of every site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ..errors import InputError, MismatchError
from ..spec import FAMILIES, AdapterSpec
from .dual_attention import SiteStyle
from .fingerprint import fingerprint
from .scale_predictor import ScalePredictor
from .style import Style
from .style_kv import make_style_kv
from .style_transformer import StyleTransformer


class StyleAdapter(nn.Module):
    """Everything that is trained in stage 1, built from its spec.

    R references, L CLIP tokens each, W CLIP width, Q style tokens, D context width, N text tokens.

    Args:
        spec: all sizes.
        adapter_id: fingerprint of the weights, carried by every style encoded here.
        operations: namespace of layer classes, torch.nn or the host's casting layers.
        factory: `device` and `dtype` of the parameters.
    """

    def __init__(self, spec: AdapterSpec, adapter_id: str = "", *, operations: Any = nn, **factory: Any):
        super().__init__()
        self.spec = spec
        self.adapter_id = adapter_id
        self.style_transformer = StyleTransformer(spec.style_transformer, operations=operations, **factory)
        self.scale_predictor = ScalePredictor(spec.scale_predictor, operations=operations, **factory)
        self.style_kv = make_style_kv(spec, operations=operations, **factory)

    @classmethod
    def from_tensors(
        cls, spec: AdapterSpec, tensors: Mapping[str, Tensor], *, operations: Any = nn
    ) -> StyleAdapter:
        """An adapter around these tensors, as they are: frozen, in evaluation mode, with their fingerprint.

        Args:
            spec: all sizes.
            tensors: every weight by its name here; shared, not copied.
            operations: namespace of layer classes.
        """
        adapter = cls(spec, fingerprint(spec, tensors), operations=operations, device="meta")
        adapter.load_state_dict(dict(tensors), assign=True)
        return adapter.eval().requires_grad_(False)

    def encode(self, clip_tokens_RLW: Tensor) -> Style:
        """The style of R references: their CLIP tokens are concatenated before the Q-Former.

        Args:
            clip_tokens_RLW: [R, L, W], R ≥ 1.

        Returns:
            A Style with tokens [1, Q, D].

        Raises:
            InputError: no reference, or not three dimensions.
            MismatchError: CLIP tokens of another width than the adapter reads.

        Source: StyleCrafter (arXiv 2312.00330), section 4.1 and "multi-reference" in section 5.
        """
        if clip_tokens_RLW.ndim != 3 or len(clip_tokens_RLW) == 0:
            raise InputError(
                "The style adapter got no image tokens to read.",
                found=f"tokens of shape {list(clip_tokens_RLW.shape)}",
                expected="[references, tokens, width] with at least one reference",
                fix="give at least one reference picture",
            )
        self._check_clip_width(clip_tokens_RLW.shape[-1])
        tokens = self.style_transformer(clip_tokens_RLW.flatten(0, 1).unsqueeze(0))
        return Style(tokens, self.adapter_id, self.spec.family)

    def _check_clip_width(self, width: int) -> None:
        expected = self.spec.style_transformer.width
        if width != expected:
            raise MismatchError(
                "The image encoder does not fit the style adapter.",
                found=f"image tokens {width} wide",
                expected=f"image tokens {expected} wide"
                + (" (CLIP ViT-H/14)" if expected == 1280 else "")
                + f", as this {FAMILIES[self.spec.family].title} adapter was trained with",
                fix="load the CLIP vision model that belongs to the adapter",
            )

    def layer_gains(self, style_tokens_BQD: Tensor, text_BND: Tensor) -> Tensor:
        """`1 + tanh(...)` per site, from style and text.

        Args:
            style_tokens_BQD: [B, Q, D] style tokens.
            text_BND: [B, N, D] text tokens of the prompt.

        Returns:
            [B, sites] gains in (0, 2).

        Raises:
            MismatchError: text tokens of another width than the adapter's.
        """
        if text_BND.shape[-1] != self.spec.context_dim:
            raise MismatchError(
                "The prompt's text tokens do not fit the style adapter.",
                found=f"text tokens {text_BND.shape[-1]} wide",
                expected=f"{self.spec.context_dim} wide, as this "
                f"{FAMILIES[self.spec.family].title} adapter reads",
                fix="encode the prompt with the text encoder of the family that the adapter was made for",
            )
        return 1 + self.scale_predictor(style_tokens_BQD, text_BND)

    def site_styles(self, style_tokens_BQD: Tensor) -> tuple[SiteStyle, ...]:
        """Keys, values and norm of every site for [B, Q, D] style tokens; once per style, not per step."""
        return tuple(projection(style_tokens_BQD) for projection in self.style_kv)
