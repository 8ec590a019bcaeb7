"""An encoded style: what travels between the encoder and the conditioning."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Style:
    """The style of one or several reference pictures, as one adapter encodes it.

    Compared and hashed by identity, so that what is derived from it can be cached next to it.

    Attributes:
        tokens: [1, Q, D] style tokens; with a style for each row of a batch [rows, Q, D].
        adapter_id: fingerprint of the adapter that made them; no other adapter can read them.
        family: key of `spec.FAMILIES`.
    """

    tokens: Tensor
    adapter_id: str
    family: str
