"""Targets and style crops, against numbers that follow from how the pictures are drawn."""

import pytest
import torch
from media_files import target_picture
from torch import Tensor

from stylecrafter_core.training.data.crops import centre_square, style_crop, target_clip


def slopes(height: int, width: int) -> Tensor:
    """Red is the column, green the row, each from 0 to 255: [H, W, 3] uint8."""
    red = torch.linspace(0, 255, width).expand(height, width)
    green = torch.linspace(0, 255, height)[:, None].expand(height, width)
    return torch.stack([red, green, torch.full((height, width), 128.0)], dim=-1).round().to(torch.uint8)


@pytest.mark.parametrize(
    ("height", "width", "kept"), [(100, 200, (0.25, 0.75)), (50, 100, (0.25, 0.75)), (64, 64, (0, 1))]
)
def test_a_target_is_the_centre_of_the_scaled_picture(height, width, kept):
    target = target_picture(slopes(height, width), 64, 64)
    assert target.shape == (3, 64, 64)
    assert target.dtype == torch.float32
    expected = torch.linspace(kept[0], kept[1], 129)[1::2]  # centres of 64 equal parts
    assert torch.allclose(target[0].mean(dim=0), expected, atol=0.012)
    assert torch.allclose(target[1].mean(dim=1), torch.linspace(0, 1, 129)[1::2], atol=0.012)
    assert torch.allclose(target[2], torch.full((64, 64), 128 / 255), atol=1e-4)


def test_a_target_of_the_right_size_is_the_picture():
    picture = slopes(40, 64)
    assert torch.equal(target_picture(picture, 64, 40), picture.movedim(-1, 0).float() / 255)


def test_a_wide_target_covers_and_stays_in_range():
    noise = (
        torch.randint(0, 2, (90, 70, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8) * 255
    )
    target = target_picture(noise, 64, 40)
    assert target.shape == (3, 40, 64)
    assert target.min() >= 0
    assert target.max() <= 1


def test_shrinking_averages_instead_of_skipping():
    stripes = torch.zeros(128, 128, 3, dtype=torch.uint8)
    stripes[:, ::2] = 255
    assert torch.allclose(target_picture(stripes, 16, 16)[:, :, 2:-2], torch.tensor(0.5), atol=0.02)


def test_a_clip_is_cut_like_its_frames():
    clip = torch.stack([slopes(50, 90), slopes(50, 90).flip(0)])
    target = target_clip(clip, 48, 32)
    assert target.shape == (2, 3, 32, 48)
    for frame, one in zip(clip, target):
        assert torch.allclose(target_picture(frame, 48, 32), one, atol=1e-6)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_style_crop_is_a_square_of_the_scaled_picture():
    crop = style_crop(slopes(120, 240), seeded(0), short_side=80, crop=48)
    assert crop.shape == (48, 48, 3)
    assert crop.dtype == torch.float32
    steps_per_pixel = (
        (crop[:, -1, 0] - crop[:, 0, 0]).mean() / 47,
        (crop[-1, :, 1] - crop[0, :, 1]).mean() / 47,
    )
    assert steps_per_pixel[0] == pytest.approx(1 / 160, rel=0.05)
    assert steps_per_pixel[1] == pytest.approx(1 / 80, rel=0.05)


def test_the_generator_alone_decides_the_place():
    picture = slopes(100, 150)
    first, again, other = (style_crop(picture, seeded(seed), 80, 48) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_crops_reach_every_edge():
    picture, generator = slopes(32, 48), seeded(0)
    crops = [style_crop(picture, generator, 20, 16) for _ in range(300)]
    left, top = (torch.stack([crop[..., channel].min() for crop in crops]) for channel in (0, 1))
    right, bottom = (torch.stack([crop[..., channel].max() for crop in crops]) for channel in (0, 1))
    for lowest, highest in ((left, right), (top, bottom)):
        assert lowest.min() < 0.04
        assert highest.max() > 0.96


def test_published_sizes_are_the_default():
    crop = style_crop(slopes(400, 500), seeded(0))
    assert crop.shape == (512, 512, 3)
    assert (crop[-1, :, 1] - crop[0, :, 1]).mean() == pytest.approx(511 / 800, rel=0.02)


def test_without_augmentation_the_whole_short_side_is_seen():
    square = centre_square(slopes(100, 200), 50)
    assert square.shape == (50, 50, 3)
    assert square[0, :, 1].mean() < 0.03
    assert square[-1, :, 1].mean() > 0.97
    assert square[:, 0, 0].mean() == pytest.approx(0.25, abs=0.02)
    assert square[:, -1, 0].mean() == pytest.approx(0.75, abs=0.02)
