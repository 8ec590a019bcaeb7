"""The style adapter as a whole: Q-Former, scale predictor and the style projections of every site."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from ..errors import InputError, MismatchError
from ..families import FAMILIES
from ..spec import AdapterSpec
from .dual_attention import SiteStyle, make_style_kv
from .query_transformer import EmbedTokens, ScalePredictor, StyleTransformer, select_tokens

SAMPLES_PER_TENSOR = 256  # that the fingerprint reads


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
        self.scale_predictor = (
            None
            if spec.scale_predictor is None
            else ScalePredictor(spec.scale_predictor, operations=operations, **factory)
        )
        self.embed_tokens = (
            None
            if spec.embed_tokens is None
            else EmbedTokens(spec.embed_tokens, spec.context_dim, operations=operations, **factory)
        )
        self.site_gains = (
            operations.Embedding(len(spec.site_channels), 1, **factory) if spec.learns_gains else None
        )
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

    def encode(self, clip_tokens_RLW: Tensor, image_embeds: Tensor | None = None) -> Style:
        """The style of R references: their CLIP tokens are concatenated before the Q-Former.

        Where the style tokens depend on the prompt, they are made by `style_tokens`, picture by picture,
        and concatenated; the Style carries what they are made of.

        Args:
            clip_tokens_RLW: [R, L, W], R ≥ 1.
            image_embeds: [R, E] CLIP embeddings of the pictures, for an adapter that reads them.

        Returns:
            A Style with tokens [1, Q, D], or with its pictures.

        Raises:
            InputError: no reference, not three dimensions, or no embedding where the adapter reads one.
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
        pictures = Pictures(clip_tokens_RLW, self._checked_embeds(image_embeds, len(clip_tokens_RLW)))
        known = (self.adapter_id, self.spec.family, self.spec.text_dim)
        if self.spec.reads_prompt:
            return Style(None, *known, pictures)
        return Style(self._tokens(pictures, None), *known)

    def style_tokens(self, style: Style, text_BND: Tensor) -> Tensor:
        """[B or 1, Q, D] style tokens under a prompt; the text counts only where `spec.reads_prompt`.

        Args:
            style: from `encode`.
            text_BND: [B, N, T] text tokens.

        Raises:
            MismatchError: text tokens of another width than the adapter's.
        """
        if style.tokens is not None:
            return style.tokens
        assert style.pictures is not None
        self._check_text_width(text_BND.shape[-1])
        return torch.cat([self._tokens(style.pictures, text_ND) for text_ND in text_BND])

    def _tokens(self, pictures: Pictures, text_ND: Tensor | None) -> Tensor:
        """[1, Q, D]: the Q-Former's tokens, then those of the embeddings."""
        tokens = pictures.clip_tokens
        if text_ND is None:
            tokens = rearrange(tokens, "r l w -> 1 (r l) w")
        else:
            tokens = select_tokens(tokens, text_ND, self.spec.dropped_share)
        style = self.style_transformer(tokens)
        if self.embed_tokens is not None and pictures.image_embeds is not None:
            style = torch.cat([style, self.embed_tokens(pictures.image_embeds)], dim=1)
        return rearrange(style, "r q d -> 1 (r q) d")

    def _checked_embeds(self, image_embeds: Tensor | None, references: int) -> Tensor | None:
        wanted = self.spec.embed_tokens
        if wanted is None:
            return None
        if image_embeds is None or image_embeds.shape != (references, wanted.input_dim):
            raise InputError(
                "The style adapter reads the CLIP embedding of every reference picture, too.",
                found="none" if image_embeds is None else f"embeddings of shape {list(image_embeds.shape)}",
                expected=f"one embedding {wanted.input_dim} wide for each of {references} pictures",
                fix="use a CLIP vision model with a projection: ViT-H/14 for the published adapter",
            )
        return image_embeds

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
        """`g_i · (1 + tanh(...))` per site, from style and text.

        `g_i` is the site's learned gain, where the adapter has such, else 1. Without a scale predictor the
        rest is 1.

        Args:
            style_tokens_BQD: [B, Q, D] style tokens.
            text_BND: [B, N, T] text tokens of the prompt.

        Returns:
            [B, sites] gains, in (0, 2) where none are learned.

        Raises:
            MismatchError: text tokens of another width than the adapter's.
        """
        self._check_text_width(text_BND.shape[-1])
        if self.scale_predictor is None:
            gains = style_tokens_BQD.new_ones(len(text_BND), len(self.spec.site_channels))
        else:
            gains = 1 + self.scale_predictor(style_tokens_BQD, text_BND)
        return gains if self.site_gains is None else gains * self._learned_gains(gains)

    def _learned_gains(self, gains_BS: Tensor) -> Tensor:
        sites = torch.arange(gains_BS.shape[1], device=gains_BS.device)
        return self.site_gains(sites).squeeze(-1).to(gains_BS)  # type: ignore[misc]

    def _check_text_width(self, width: int) -> None:
        if width != self.spec.text_dim:
            raise MismatchError(
                "The prompt's text tokens do not fit the style adapter.",
                found=f"text tokens {width} wide",
                expected=f"{self.spec.text_dim} wide, as this "
                f"{FAMILIES[self.spec.family].title} adapter reads",
                fix="encode the prompt with the text encoder of the family that the adapter was made for",
            )

    def site_styles(self, style_tokens_BQD: Tensor) -> tuple[SiteStyle, ...]:
        """Keys, values and norm of every site for [B, Q, D] style tokens; once per style, not per step."""
        return tuple(projection(style_tokens_BQD) for projection in self.style_kv)

    def null_terms(self) -> tuple[Tensor, ...]:
        """[1, 1, C] for every site: what the null style adds; none for an adapter without one."""
        if not self.spec.has_null:
            return ()
        return tuple(projection.null_term() for projection in self.style_kv)  # type: ignore[operator]


@dataclass(frozen=True, eq=False)
class Pictures:
    """What the image encoder says of R references of one style.

    Attributes:
        clip_tokens: [R, L, W].
        image_embeds: [R, E] CLIP embeddings, or None where the adapter reads none.
    """

    clip_tokens: Tensor
    image_embeds: Tensor | None


@dataclass(frozen=True, eq=False)
class Style:
    """The style of one or several reference pictures, as one adapter encodes it.

    Compared and hashed by identity, so that what is derived from it can be cached next to it.

    Attributes:
        tokens: [1, Q, D] style tokens; with a style for each row of a batch [rows, Q, D]. None where they
            depend on the prompt.
        adapter_id: fingerprint of the adapter that made it; no other adapter can read it.
        family: key of `families.FAMILIES`.
        text_dim: width of the text tokens that belong to the adapter.
        pictures: what the tokens are made of as soon as the prompt is known; None where `tokens` are there.
    """

    tokens: Tensor | None
    adapter_id: str
    family: str
    text_dim: int
    pictures: Pictures | None = None


def fingerprint(spec: AdapterSpec, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 (first 16 hex digits) over the spec and evenly spaced values of every tensor.

    A sample, because hashing every byte of a published adapter would take as long as reading it. Two
    trained adapters differ in every tensor.
    """
    digest = hashlib.sha256(json.dumps(spec.to_dict(), sort_keys=True).encode())
    for name in sorted(tensors):
        flat = tensors[name].detach().flatten()
        sample = flat[:: max(1, len(flat) // SAMPLES_PER_TENSOR)]
        digest.update(name.encode())
        digest.update(sample.to("cpu", torch.float32).numpy().tobytes())
    return digest.hexdigest()[:16]
