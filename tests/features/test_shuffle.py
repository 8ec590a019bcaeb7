"""Content shuffle against the recorded one, and Hugging Face's CLIP preprocessing by hand."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from stylecrafter_core.features import CLIP_TOKENS
from stylecrafter_core.features.shuffle import content_shuffle, smooth_noise

SEED = 11


@pytest.fixture(scope="module")
def recorded(pytestconfig):
    return load_file(pytestconfig.rootpath / "tests" / "golden" / "wan_a" / "expected.safetensors")


def test_the_recorded_shuffle(recorded):
    picture = recorded["shuffle_in"].movedim(-1, 0).float() / 255
    shuffled = content_shuffle(picture, SEED)
    assert shuffled.shape == (3, 640, 512)
    error = (shuffled[:, ::8, ::8].movedim(0, -1) * 255 - recorded["shuffle_out_every_8th"].float()).abs()
    assert error.max() <= 2
    assert error.mean() < 0.4


def test_the_recorded_noise(recorded):
    noise = smooth_noise(np.random.RandomState(SEED), 640, 512)
    torch.testing.assert_close(
        noise[::32, ::32].double(), recorded["shuffle_noise_x_every_32nd"].double(), atol=1e-5, rtol=0
    )


def test_pictures_are_shuffled_for_the_embedding_alone():
    contract = CLIP_TOKENS["stylemaster"]
    images = torch.rand(2, 40, 50, 3, generator=torch.Generator().manual_seed(0))
    embeds = contract.embed(images, 16, lambda pixels: pixels.flatten(1))
    assert embeds.shape == (2, 3 * 16 * 16)
    assert not torch.allclose(embeds[0], contract.preprocess(images, 16)[0].flatten(), atol=0.1)
    assert torch.equal(embeds, contract.embed(images, 16, lambda pixels: pixels.flatten(1)))


def test_other_contracts_have_no_embedding():
    assert CLIP_TOKENS["sdxl"].embed(torch.rand(1, 8, 8, 3), 16, lambda pixels: pixels.flatten(1)) is None


def test_the_longer_side_is_cut_off_not_rounded():
    pixels = np.random.RandomState(0).randint(0, 256, (31, 47, 3), dtype=np.uint8)
    expected = Image.fromarray(pixels).resize((int(24 * 47 / 31), 24), Image.Resampling.BICUBIC)
    left = (expected.width - 24) // 2
    expected = np.asarray(expected.crop((left, 0, left + 24, 24)))
    found = CLIP_TOKENS["stylemaster"].square(torch.from_numpy(pixels).movedim(-1, 0) / 255, 24)
    assert np.array_equal((found.movedim(0, -1) * 255).round().byte().numpy(), expected)
