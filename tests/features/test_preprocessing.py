"""Pixels: the recorded ones, torchvision's crop and size rules, and the blur written out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision import transforms

from stylecrafter_core.features import CLIP_TOKENS
from stylecrafter_core.features.pictures import (
    CLIP_MEAN,
    CLIP_STD,
    blurred_bicubic,
    standard_square,
    video_square,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "clip_a"


def picture(index: int) -> torch.Tensor:
    return (
        torch.from_numpy(np.array(Image.open(GOLDEN / f"image{index}.jpg").convert("RGB"))).float()[None]
        / 255
    )


@pytest.mark.parametrize("index", [0, 1])
def test_video_pixels_equal_the_recorded_ones(index):
    expected = load_file(GOLDEN / "expected.safetensors")[f"pixels{index}"]
    torch.testing.assert_close(CLIP_TOKENS["video"].preprocess(picture(index)), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "size_hw", [(239, 598), (30, 5000), (5, 7), (1, 1), (512, 700), (513, 512), (511, 2001), (512, 512)]
)
def test_video_square_is_cut_as_torchvision_cuts(size_hw):
    pixels = np.random.default_rng(0).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    steps = [transforms.Resize(512), transforms.CenterCrop(512), transforms.ToTensor()]
    expected = transforms.Compose(steps)(Image.fromarray(pixels))
    square = video_square(torch.from_numpy(pixels).movedim(-1, 0).float() / 255, 512)
    torch.testing.assert_close(square, expected, atol=1e-6, rtol=0)


def test_the_blur_is_a_gaussian_of_the_shrinking_factor():
    step = torch.zeros(1, 1, 33, 33)
    step[..., 16, 16] = 1
    # factor 3 along both axes: sigma 1 over int(max(4, 3)) = 4, made odd: 5 samples
    weights = torch.exp(-torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]).square() / 2)
    weights = weights / weights.sum()
    blurred = torch.zeros(33, 33)
    blurred[14:19, 14:19] = weights[:, None] * weights[None, :]
    expected = torch.nn.functional.interpolate(
        blurred[None, None], (11, 11), mode="bicubic", align_corners=True
    )
    torch.testing.assert_close(blurred_bicubic(step, 11), expected)


def test_nothing_is_blurred_where_nothing_shrinks():
    square = torch.rand(1, 3, 512, 512, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(blurred_bicubic(square, 512), square, atol=1e-6, rtol=0)


def test_standard_square_scales_crops_the_centre_and_rounds_to_8_bits():
    wide = torch.zeros(3, 64, 192)
    wide[:, :, 64:128] = 100.4 / 255
    assert standard_square(wide, 64).mul(255).unique().tolist() == pytest.approx([100.0])


@pytest.mark.parametrize("family", CLIP_TOKENS)
def test_pixels_are_normalised_per_channel(family):
    colour = torch.tensor([51.0, 102.0, 204.0]) / 255
    pixels = CLIP_TOKENS[family].preprocess(colour.expand(1, 300, 200, 3), 28)
    expected = (colour - torch.tensor(CLIP_MEAN)) / torch.tensor(CLIP_STD)
    torch.testing.assert_close(pixels, expected.view(1, 3, 1, 1).expand_as(pixels), atol=1e-5, rtol=0)
