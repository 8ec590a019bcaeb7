"""The style term against a plain restatement of the paper's formula."""

from __future__ import annotations

from unittest import mock

import torch

from stylecrafter_core.adapter import ReadyStyle, SiteStyle, add_style, dual_attention, style_attention

BATCH, POSITIONS, TOKENS, HEADS, WIDTH = 2, 3, 4, 2, 6


def values(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def site(batch: int = BATCH, seed: int = 0) -> SiteStyle:
    return SiteStyle(
        values(batch, TOKENS, WIDTH, seed=seed),
        values(batch, TOKENS, WIDTH, seed=seed + 1),
        values(WIDTH, seed=seed + 2),
        values(WIDTH, seed=seed + 3),
    )


def by_hand(q: torch.Tensor, site: SiteStyle, b: int) -> torch.Tensor:
    """LN(softmax(q·kᵀ/√d)·v), one batch row, head by head."""
    k, v = site.k[b % len(site.k)], site.v[b % len(site.v)]
    d = WIDTH // HEADS
    heads = [
        torch.softmax(q[b, :, h : h + d] @ k[:, h : h + d].T / d**0.5, dim=-1) @ v[:, h : h + d]
        for h in range(0, WIDTH, d)
    ]
    merged = torch.cat(heads, dim=-1)
    if site.norm_weight is None:
        return merged
    mean = merged.mean(-1, keepdim=True)
    variance = merged.var(-1, unbiased=False, keepdim=True)
    return (merged - mean) / (variance + 1e-5).sqrt() * site.norm_weight + site.norm_bias


def test_style_attention_is_the_formula() -> None:
    q, style = values(BATCH, POSITIONS, WIDTH, seed=9), site()
    expected = torch.stack([by_hand(q, style, b) for b in range(BATCH)])
    torch.testing.assert_close(style_attention(q, style, HEADS), expected)


def test_without_norm_the_attention_is_added_as_it_is() -> None:
    q = values(BATCH, POSITIONS, WIDTH, seed=9)
    style = SiteStyle(site().k, site().v, None, None)
    expected = torch.stack([by_hand(q, style, b) for b in range(BATCH)])
    torch.testing.assert_close(style_attention(q, style, HEADS), expected)


def test_one_style_serves_every_row() -> None:
    q, one = values(BATCH, POSITIONS, WIDTH, seed=9), site(batch=1)
    expected = torch.stack([by_hand(q, one, b) for b in range(BATCH)])
    torch.testing.assert_close(style_attention(q, one, HEADS), expected)


def test_rows_get_the_style_and_gain_of_their_run() -> None:
    q, text = values(3, POSITIONS, WIDTH, seed=9), values(3, POSITIONS, WIDTH, seed=8)
    first, second = site(batch=1), site(batch=1, seed=20)
    half, twice = (torch.full((1, 1, 1), gain, dtype=torch.float64) for gain in (0.5, 2.0))
    styles = [(1, ReadyStyle((first,), (half,))), (2, ReadyStyle((second,), (twice,)))]
    out = add_style(text, q, styles, 0, HEADS)
    expected = torch.stack(
        [text[0] + 0.5 * by_hand(q, first, 0)] + [text[b] + 2 * by_hand(q, second, b) for b in (1, 2)]
    )
    torch.testing.assert_close(out, expected)


def test_gradients_reach_query_keys_values_norm_and_gain() -> None:
    q, text, style = values(BATCH, POSITIONS, WIDTH, seed=9), values(BATCH, POSITIONS, WIDTH, seed=8), site()
    parts = (q, style.k, style.v, style.norm_weight, style.norm_bias, torch.ones(BATCH, 1, 1).double())

    def term(q, k, v, weight, bias, gain):
        return add_style(text, q, [(BATCH, ReadyStyle((SiteStyle(k, v, weight, bias),), (gain,)))], 0, HEADS)

    assert torch.autograd.gradcheck(term, [part.requires_grad_() for part in parts])


def with_null(style: SiteStyle) -> SiteStyle:
    return SiteStyle(style.k, style.v, None, None, values(1, 1, WIDTH, seed=30))


def test_a_null_style_and_a_style_are_blended() -> None:
    """0 is the null style's term, 1 the style's: at every query as if their answers were blended."""
    q, text, style = (
        values(2, POSITIONS, WIDTH, seed=9),
        values(2, POSITIONS, WIDTH, seed=8),
        with_null(site()),
    )
    gain = torch.tensor([0.0, 0.3], dtype=torch.float64)[:, None, None]
    out = add_style(text, q, [(2, ReadyStyle((style,), (gain,)))], 0, HEADS)
    torch.testing.assert_close(out[0], text[0] + style.null[0])
    torch.testing.assert_close(out[1], text[1] + 0.7 * style.null[0] + 0.3 * by_hand(q, style, 1))


def test_rows_with_a_null_style_get_it_without_attending() -> None:
    """And rows with neither get nothing."""
    q, text, null = (
        values(3, POSITIONS, WIDTH, seed=9),
        values(3, POSITIONS, WIDTH, seed=8),
        values(1, 1, WIDTH, seed=7),
    )
    with mock.patch.object(dual_attention, "style_attention", side_effect=AssertionError("attended")):
        out = add_style(text, q, [(2, ReadyStyle(nulls=(null,))), (1, ReadyStyle())], 0, HEADS)
    torch.testing.assert_close(out, torch.cat([text[:2] + null, text[2:]]))
