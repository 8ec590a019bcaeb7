"""An encoded style: what travels between the encoder and the conditioning."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


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
