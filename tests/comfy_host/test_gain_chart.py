"""The gain chart says what it was given."""

import torch

from stylecrafter_core.comfy_host.gain_chart import (
    CELL_HEIGHT,
    CELL_WIDTH,
    HEADER_HEIGHT,
    LABEL_WIDTH,
    draw_gains,
    gain_table,
)

GAINS = torch.stack([torch.full((2, 16), 1.6), torch.full((2, 16), 0.4)])
PROMPTS = ["a cat", "a very long prompt about many things in a wide landscape"]


def test_the_table_names_the_extremes() -> None:
    gains = torch.ones(1, 1, 4)
    gains[0, 0, 2], gains[0, 0, 1] = 1.5, 0.25
    assert gain_table(gains, ["a cat"]) == (
        "style 1: mean 0.938, least 0.250 (site 2), greatest 1.500 (site 3) | a cat"
    )


def test_one_cell_per_prompt_and_style_red_above_one_and_blue_below() -> None:
    picture = draw_gains(GAINS, PROMPTS)[0]
    assert picture.shape == (HEADER_HEIGHT + 2 * CELL_HEIGHT, LABEL_WIDTH + 2 * CELL_WIDTH, 3)
    assert 0 <= picture.min() <= picture.max() <= 1
    cells = picture[HEADER_HEIGHT:, LABEL_WIDTH:].unfold(0, CELL_HEIGHT, CELL_HEIGHT)
    red_minus_blue = (cells[:, :, 0] - cells[:, :, 2]).mean(dim=(1, 2))
    assert red_minus_blue[0] > 0.05
    assert red_minus_blue[1] < -0.05


def test_bars_are_as_high_as_the_gain_is_far_from_one() -> None:
    flat, tall = (draw_gains(torch.full((1, 1, 8), gain), ["a cat"]) for gain in (1.05, 1.9))

    def strong_red(picture: torch.Tensor) -> int:
        return int(((picture[..., 0] > 0.75) & (picture[..., 2] < 0.5)).sum())

    assert strong_red(tall) > 500 > strong_red(flat)
