"""Which CLIP tokens each family of adapters reads. Letters: B pictures, S side, L tokens, W width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError, MismatchError
from .pictures import check_images, normalise, pillow_square, rgb_picture, standard_square, video_square
from .shuffle import content_shuffle

PICTURES_PER_PASS = 8

LayerNorm = Callable[[Tensor], Tensor]
RunTower = Callable[[Tensor], tuple[Tensor, Tensor | None]]


@dataclass(frozen=True)
class ClipTokens:
    """One family's way from pictures to CLIP tokens.

    Attributes:
        square: one RGB picture [3, H, W] in 0..1 and a side S to [3, S, S], not yet normalised.
        assemble: last hidden states [B, L, W], those of the layer before (None if there is none), and the
            tower's post layer norm to tokens [B, L, W]. Token 0 is the class token; there is no projection.
        before_embedding: what is done to an RGB picture whose CLIP embedding the adapter reads beside the
            tokens; None where it reads none.
    """

    square: Callable[[Tensor, int], Tensor]
    assemble: Callable[[Tensor, Tensor | None, LayerNorm], Tensor]
    before_embedding: Callable[[Tensor], Tensor] | None = None

    def preprocess(self, images_BHWC: Tensor, size: int = 224) -> Tensor:
        """What the tower reads: [B, H, W, 1 to 4 channels] in 0..1 to normalised pixels [B, 3, S, S].

        Any height and width from 1 up; values outside 0..1 are clipped; alpha is composited over white.
        The result is float32 on the CPU.

        Args:
            size: the side S of the tower's input, in pixels.

        Raises:
            InputError: an empty batch, NaN or infinity, not a float tensor of that shape.
        """
        check_images(images_BHWC)
        return self._pixels(images_BHWC, size)

    def encode(self, images_BHWC: Tensor, size: int, run: RunTower, post_layernorm: LayerNorm) -> Tensor:
        """Tokens [B, L, W], float32 on the CPU, of any number of pictures, a few at a time.

        Args:
            images_BHWC, size: as in `preprocess`.
            run: the tower: pixels [b, 3, S, S] to the hidden states of its last layer and of the one before.
            post_layernorm: the tower's own.
        """
        check_images(images_BHWC)
        parts = []
        for pictures in images_BHWC.split(PICTURES_PER_PASS):
            last, penultimate = run(self._pixels(pictures, size))
            parts.append(self.assemble(last, penultimate, post_layernorm).float().cpu())
        return torch.cat(parts)

    def embed(self, images_BHWC: Tensor, size: int, project: Callable[[Tensor], Tensor]) -> Tensor | None:
        """CLIP embeddings [B, E], float32 on the CPU; None where the contract has none.

        Args:
            images_BHWC, size: as in `preprocess`.
            project: the tower and its projection: pixels [b, 3, S, S] to embeddings [b, E].
        """
        if self.before_embedding is None:
            return None
        check_images(images_BHWC)
        changed = [self.before_embedding(rgb_picture(picture)) for picture in images_BHWC]
        pixels = normalise(torch.stack([self.square(picture, size) for picture in changed]))
        return torch.cat([project(part).float().cpu() for part in pixels.split(PICTURES_PER_PASS)])

    def _pixels(self, images_BHWC: Tensor, size: int) -> Tensor:
        return normalise(torch.stack([self.square(rgb_picture(picture), size) for picture in images_BHWC]))


def _class_token_normed(last: Tensor, penultimate: Tensor | None, post_layernorm: LayerNorm) -> Tensor:
    """[post_layernorm(class token), patch tokens as they are], of the last layer."""
    return torch.cat([post_layernorm(last[:, :1]), last[:, 1:]], dim=1)


def _penultimate(last: Tensor, penultimate: Tensor | None, post_layernorm: LayerNorm) -> Tensor:
    """The hidden states that enter the last layer."""
    if penultimate is None:
        raise MismatchError(
            "This image encoder cannot serve an SDXL adapter, which reads the layer before the last.",
            found="a CLIP vision tower of one layer",
            expected="at least two layers",
            fix="load the image encoder that the adapter was trained with (ViT-H/14 for the published one)",
        )
    return penultimate


def _last(last: Tensor, penultimate: Tensor | None, post_layernorm: LayerNorm) -> Tensor:
    """The hidden states behind the last layer, without any norm."""
    return last


CLIP_TOKENS = {
    "video": ClipTokens(square=video_square, assemble=_class_token_normed),
    "sdxl": ClipTokens(square=standard_square, assemble=_penultimate),
    "stylemaster": ClipTokens(square=pillow_square, assemble=_last, before_embedding=content_shuffle),
}


def contract_named(clip_tokens: str) -> ClipTokens:
    """The entry of `CLIP_TOKENS`.

    Raises:
        InputError: there is none of that name.
    """
    if clip_tokens not in CLIP_TOKENS:
        raise InputError(
            "There is no such kind of CLIP tokens.",
            found=repr(clip_tokens),
            expected=" or ".join(CLIP_TOKENS),
            fix="pass `families.image_tokens_of(adapter.spec)`",
        )
    return CLIP_TOKENS[clip_tokens]
