"""Styles of the small family: the same each time, true to their parameters, and AdaIN by its formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_style_network import tiny_style_network

from lab.family import gallery
from lab.family.randomness import generator
from lab.styles import OWN, Style, adain, own_style, painting_style, stylise
from lab.styles.palettes import harmony, lab, nearest_colour, painting_palette

SEED = 3
RED_AND_WHITE = ((0.5, 0.0, 0.05), (0.9, 0.15, 0.1), (1.0, 0.95, 0.9))
BLUE_AND_WHITE = ((0.0, 0.05, 0.4), (0.1, 0.3, 0.9), (0.9, 0.95, 1.0))


@pytest.fixture(scope="module")
def picture():
    """A light sky, a dark ground and a ball between them."""
    y, x = np.mgrid[:128, :128]
    pixels = np.where((y < 80)[..., None], (150, 190, 240), (50, 90, 40))
    pixels[np.hypot(x - 60, y - 75) < 24] = (220, 90, 40)
    return pixels.astype(np.uint8)


@pytest.fixture(scope="module")
def paintings():
    return tuple(painting.number for painting in gallery.catalogue() if not painting.held_out)


@pytest.fixture
def tiny_network(monkeypatch):
    weights = tiny_style_network()
    monkeypatch.setattr(adain, "network", lambda: weights)
    adain.style_moments.cache_clear()
    adain._content_features.cache_clear()
    yield
    adain.style_moments.cache_clear()
    adain._content_features.cache_clear()


def with_palette(renderer, palette):
    parameters = OWN[renderer].draw_parameters(palette, generator(SEED, renderer))
    return Style(renderer, 1, parameters)


def fine_texture(pixels):
    """Mean difference of neighbouring pixels."""
    grey = pixels.astype(np.float32).mean(-1)
    return np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()


@pytest.mark.parametrize("renderer", OWN)
def test_the_same_style_draws_the_same_pixels(renderer, picture, paintings):
    first = stylise(own_style(SEED, 8, paintings, renderer), picture)
    stylise(own_style(SEED, 9, paintings, renderer), picture)
    again = stylise(own_style(SEED, 8, paintings, renderer), picture)
    assert first.shape == picture.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)


@pytest.mark.parametrize("renderer", OWN)
def test_a_clip_is_styled_frame_by_frame(renderer, picture, paintings):
    style = own_style(SEED, 5, paintings, renderer)
    clip = stylise(style, np.stack([picture, picture[:, ::-1]]))
    assert np.array_equal(clip[0], stylise(style, picture))
    assert np.array_equal(clip[1], stylise(style, picture[:, ::-1]))


@pytest.mark.parametrize("renderer", OWN)
def test_the_palette_is_followed(renderer, picture):
    red, blue = (
        stylise(with_palette(renderer, palette), picture).reshape(-1, 3).mean(0) / 255
        for palette in (RED_AND_WHITE, BLUE_AND_WHITE)
    )
    assert red[0] > red[2] + 0.1
    assert blue[2] > blue[0] + 0.1


@pytest.mark.parametrize("renderer", ["strokes", "hatching", "halftone", "mosaic"])
def test_texture_is_added(renderer, picture):
    assert fine_texture(stylise(with_palette(renderer, BLUE_AND_WHITE), picture)) > 2 * fine_texture(picture)


def test_cut_outs_are_flat(picture):
    style = with_palette("cut_outs", BLUE_AND_WHITE)
    flat = replace(style, parameters=replace(style.parameters, grain=0.0, shadow=0.0, dark=0.0, edge=0.0))
    cut = stylise(flat, picture).reshape(-1, 3) / 255
    distances = np.abs(cut[:, None] - np.array(BLUE_AND_WHITE)).max(-1).min(-1)
    assert (distances < 0.02).mean() > 0.9  # nearly all pixels have exactly a colour of the palette


@pytest.mark.parametrize("renderer", OWN)
def test_a_renderer_has_many_styles(renderer, picture, paintings):
    made = [stylise(own_style(SEED, number, paintings, renderer), picture) for number in range(6)]
    for place, one in enumerate(made):
        for other in made[:place]:
            assert np.abs(one.astype(int) - other).mean() > 8


def test_harmonies_have_contrast_and_go_from_dark_to_light():
    for number in range(50):
        lightness = lab(np.array(harmony(generator(SEED, number)), np.float32))[:, 0]
        assert 3 <= len(lightness) <= 8
        assert (np.diff(lightness) >= 0).all()
        assert np.ptp(lightness) > 0.25


def test_a_painting_s_palette_is_made_of_its_colours():
    halves = np.zeros((64, 64, 3), np.uint8)
    halves[:32], halves[32:] = (200, 30, 30), (240, 240, 200)
    palette = np.array(painting_palette(halves, 2, generator(SEED, "palette"))) * 255
    assert np.abs(palette - ((200, 30, 30), (240, 240, 200))).max() < 12


def test_the_nearest_colour_is_the_nearest():
    random = generator(SEED, "points")
    points, centres = random.random((40, 5, 3), np.float32), random.random((7, 3), np.float32)
    expected = np.linalg.norm(points[..., None, :] - centres, axis=-1).argmin(-1)
    assert np.array_equal(nearest_colour(points, centres), expected)


def test_adain_gives_the_content_the_style_s_moments():
    torch.manual_seed(1)
    content, style = torch.randn(1, 5, 8, 8), 3 * torch.randn(1, 5, 6, 6) + 2
    styled = adain.adain(content, adain.moments(style))
    assert torch.allclose(styled.mean((2, 3)), style.mean((2, 3)), atol=1e-4)
    assert torch.allclose(styled.std((2, 3)), style.std((2, 3)), rtol=1e-3)
    whitened = (content - content.mean((2, 3), keepdim=True)) / content.std((2, 3), keepdim=True)
    expected = whitened * style.std((2, 3), keepdim=True) + style.mean((2, 3), keepdim=True)
    assert torch.allclose(styled, expected, atol=1e-3)


@pytest.mark.usefixtures("tiny_network")
def test_painting_styles_differ_and_repeat(picture, paintings):
    one, other = (painting_style(SEED, number, paintings) for number in (1, 2))
    first = stylise(one, picture)
    assert first.shape == picture.shape
    assert not np.array_equal(first, stylise(other, picture))
    assert np.array_equal(first, stylise(one, picture))


@pytest.mark.usefixtures("tiny_network")
def test_no_style_is_the_plain_reconstruction(picture, paintings):
    """With α = 0 the painting has no say."""
    style = painting_style(SEED, 1, paintings)
    plain = [
        stylise(replace(style, parameters=replace(style.parameters, painting=number, alpha=0.0)), picture)
        for number in paintings[:2]
    ]
    assert np.array_equal(plain[0], plain[1])


def test_part_mirroring_and_hue_of_a_style_picture(paintings, monkeypatch):
    left_red = np.zeros((100, 200, 3), np.uint8)
    left_red[:, :100], left_red[:, 100:] = (200, 0, 0), (120, 120, 120)
    monkeypatch.setattr(adain, "read_painting", lambda number: left_red)
    style = adain.PaintingStyle(1, 1.0, 0.5, 0.0, mirrored=False, hue=0.0, alpha=1.0)
    plain = adain.style_picture(style)
    assert np.array_equal(adain.style_picture(replace(style, mirrored=True)), plain[:, ::-1])
    turned = adain.style_picture(replace(style, hue=1 / 3))
    assert turned[90, 20].argmax() == 1  # red became green
    assert np.abs(turned[90, 170].astype(int) - 120).max() <= 1  # grey stayed
    assert np.array_equal(
        adain.style_picture(replace(style, left=0.0)),
        np.asarray(Image.fromarray(left_red[:, :100]).resize((adain.STYLE_SIDE,) * 2)),
    )
