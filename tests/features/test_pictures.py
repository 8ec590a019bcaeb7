"""Any picture becomes RGB; what is no batch of pictures is refused in words."""

from __future__ import annotations

import pytest
import torch

from stylecrafter_core.errors import InputError
from stylecrafter_core.features import CLIP_TOKENS
from stylecrafter_core.features.pictures import rgb_picture

BOTH = pytest.mark.parametrize("family", CLIP_TOKENS)


@BOTH
@pytest.mark.parametrize(
    "size_hw", [(1, 1), (7, 5), (30, 5000), (5000, 30), (1, 1000), (512, 512), (224, 300)]
)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pictures_of_any_size_and_channels_become_pixels(family, size_hw, channels):
    images = torch.rand(2, *size_hw, channels, generator=torch.Generator().manual_seed(0))
    pixels = CLIP_TOKENS[family].preprocess(images, 56)
    assert pixels.shape == (2, 3, 56, 56)
    assert pixels.dtype == torch.float32
    assert torch.isfinite(pixels).all()
    assert pixels.std() > 0 or size_hw == (1, 1)


def test_alpha_is_composited_over_white():
    picture = torch.tensor([[[0.2, 0.4, 0.6, 0.0], [0.2, 0.4, 0.6, 0.5], [0.2, 0.4, 0.6, 1.0]]])
    expected = torch.tensor([[1.0, 1.0, 1.0], [0.6, 0.7, 0.8], [0.2, 0.4, 0.6]])
    torch.testing.assert_close(rgb_picture(picture)[:, 0].T, expected)


def test_grey_is_repeated_and_grey_with_alpha_composited():
    assert rgb_picture(torch.full((1, 1, 1), 0.25)).flatten().tolist() == [0.25] * 3
    assert rgb_picture(torch.tensor([[[0.0, 0.25]]])).flatten().tolist() == [0.75] * 3


@BOTH
def test_values_outside_are_clipped(family):
    images = torch.rand(1, 40, 50, 3, generator=torch.Generator().manual_seed(0)) * 3 - 1
    contract = CLIP_TOKENS[family]
    assert torch.equal(contract.preprocess(images), contract.preprocess(images.clamp(0, 1)))


@BOTH
def test_half_precision_pictures_are_read(family):
    images = torch.rand(1, 40, 50, 3, generator=torch.Generator().manual_seed(0)).half()
    contract = CLIP_TOKENS[family]
    assert torch.equal(contract.preprocess(images), contract.preprocess(images.float()))


@BOTH
def test_the_input_is_not_changed(family):
    images = torch.full((1, 8, 8, 3), 2.0)
    CLIP_TOKENS[family].preprocess(images, 56)
    assert torch.equal(images, torch.full((1, 8, 8, 3), 2.0))


@pytest.mark.parametrize(("position", "value"), [(0, float("nan")), (2, float("inf")), (1, float("-inf"))])
def test_nan_and_infinity_are_refused_with_the_picture_named(position, value):
    images = torch.zeros(3, 4, 4, 3)
    images[position, 1, 2, 0] = value
    with pytest.raises(InputError, match=rf"`images`.*picture {position + 1} of 3") as caught:
        CLIP_TOKENS["video"].preprocess(images)
    assert "0 to 1" in caught.value.expected
    assert caught.value.fix


@pytest.mark.parametrize(
    ("images", "what", "found"),
    [
        (torch.zeros(0, 8, 8, 3), "is empty", "[0, 8, 8, 3]"),
        (torch.zeros(1, 0, 8, 3), "is empty", "[1, 0, 8, 3]"),
        (torch.zeros(1, 8, 8, 0), "is empty", "[1, 8, 8, 0]"),
        (torch.zeros(8, 8, 3), "four dimensions", "[8, 8, 3]"),
        (torch.zeros(1, 3, 8, 8), "too many channels", "[1, 3, 8, 8]"),
        (torch.zeros(1, 8, 8, 3, dtype=torch.uint8), "floating-point", "uint8"),
        ([1, 2], "not a batch of pictures", "list"),
    ],
)
def test_what_is_no_batch_of_pictures_is_refused(images, what, found):
    with pytest.raises(InputError, match=f"`images`.*{what}") as caught:
        CLIP_TOKENS["sdxl"].preprocess(images)
    assert found in caught.value.found
    assert "pixel" in caught.value.expected or "height, width" in caught.value.expected
    assert caught.value.fix
