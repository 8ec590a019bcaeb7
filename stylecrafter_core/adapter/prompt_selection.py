"""Which image tokens a prompt leaves for the style.

R references, L CLIP tokens of width W, N text tokens of width T, K kept tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def prompt_similarity(clip_tokens_RLW: Tensor, text_ND: Tensor) -> Tensor:
    """[R, L]: the cosine of every CLIP token with the prompt, pooled to the tokens' width.

    The channels of the text tokens are pooled by adaptive averages to W, then averaged over all N rows.
    Rows of zeros (padding) change the length of that vector, not its direction.
    """
    pooled_W = F.adaptive_avg_pool1d(text_ND[None], clip_tokens_RLW.shape[-1])[0].mean(dim=0)
    return F.cosine_similarity(clip_tokens_RLW, pooled_W.expand_as(clip_tokens_RLW), dim=-1)


def select_tokens(clip_tokens_RLW: Tensor, text_ND: Tensor, dropped_share: float) -> Tensor:
    """[R, K, W]: the CLIP tokens most like the prompt, in picture order; `K = L - int(L * dropped_share)`.

    The class token takes part like any other.

    Source: the released code of StyleMaster (arXiv 2412.07744).
    Differs: the paper and the comments in that code say that the tokens least like the prompt stay; the
    released weights were made with the most similar ones, as here.
    """
    kept = clip_tokens_RLW.shape[1] - int(clip_tokens_RLW.shape[1] * dropped_share)
    order = prompt_similarity(clip_tokens_RLW, text_ND).argsort(dim=-1, stable=True)
    places = order[:, -kept:].sort(dim=-1).values
    return torch.take_along_dim(clip_tokens_RLW, places[..., None], dim=1)
