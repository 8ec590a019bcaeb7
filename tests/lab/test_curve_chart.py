"""Curves stand where their numbers say."""

import math

import pytest
import torch

from lab.measures import Estimate, draw_curves
from lab.measures.curve_chart import HEIGHT, WIDTH
from stylecrafter_core.errors import InputError


def exactly(value):
    return Estimate(value, math.nan, 1, math.nan, math.nan)


def red(picture):
    """Rows and columns of the first curve's colour inside the plot."""
    plot = picture[0, : HEIGHT - 60]
    return ((plot[..., 0] > 0.7) & (plot[..., 1] < 0.4)).nonzero(as_tuple=True)


def test_a_greater_number_is_higher_and_a_greater_setting_further_right():
    rows, columns = red(draw_curves((0.0, 1.0), {"style": [exactly(0.2), exactly(0.8)]}, "strength"))
    assert rows[columns.argmin()] > rows[columns.argmax()] + 100
    assert columns.max() - columns.min() > WIDTH / 2


def test_intervals_are_drawn():
    wide = Estimate(0.5, 0.1, 9, 0.2, 0.8)
    plain, barred = (red(draw_curves((1.0,), {"style": [value]}, "")) for value in (exactly(0.5), wide))
    assert barred[0].max() - barred[0].min() > 10 * (plain[0].max() - plain[0].min())


def test_each_curve_has_a_colour_of_its_own():
    curves = {name: [exactly(value)] * 2 for name, value in (("style", 0.2), ("content", 0.9))}
    picture = draw_curves((0.0, 1.0), curves, "strength")
    assert picture.shape == (1, HEIGHT, WIDTH, 3)
    blue = (picture[..., 2] > 0.6) & (picture[..., 0] < 0.3)
    assert blue.sum() > 500
    assert len(red(picture)[0]) > 500


def test_no_bar_hides_another():
    low, middle, high = (Estimate(mean, 0.1, 9, 0.2, 0.8) for mean in (0.3, 0.5, 0.7))
    alone = draw_curves((1.0,), {"style": [low]}, "")
    covered = draw_curves((1.0,), {"style": [low], "content": [middle], "copy": [high]}, "")
    assert len(red(covered)[0]) == len(red(alone)[0])


@pytest.mark.parametrize("curves", [{}, {"style": [exactly(0.5)]}])
def test_curves_of_another_length_are_refused(curves):
    with pytest.raises(InputError, match="do not share one setting"):
        draw_curves((0.0, 1.0), curves, "strength")
    assert torch.is_tensor(draw_curves((0.0,), {"style": [exactly(0.5)]}, "strength"))
