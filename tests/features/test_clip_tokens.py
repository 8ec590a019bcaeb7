"""Tokens by open_clip's tower against the tower written out by hand and the recorded numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from clip_reference import hidden_states, video_tokens
from PIL import Image
from safetensors.torch import load_file

from stylecrafter_core.errors import InputError, MismatchError
from stylecrafter_core.features import CLIP_TOKENS, clip_tokens, open_clip_vision_tower
from stylecrafter_core.features.contracts import PICTURES_PER_PASS

GOLDEN = Path(__file__).parents[1] / "golden" / "clip_a"
HEADS = 2


@pytest.fixture(scope="module")
def file():
    return load_file(GOLDEN / "open_clip_vision.safetensors")


@pytest.fixture(scope="module")
def weights(file):
    return {name.removeprefix("visual."): tensor for name, tensor in file.items()}


@pytest.fixture(scope="module")
def recorded():
    return load_file(GOLDEN / "expected.safetensors")


@pytest.fixture(scope="module")
def tower(file):
    return open_clip_vision_tower(file)


def picture(index: int) -> torch.Tensor:
    return (
        torch.from_numpy(np.array(Image.open(GOLDEN / f"image{index}.jpg").convert("RGB"))).float()[None]
        / 255
    )


@pytest.mark.parametrize("index", [0, 1])
def test_video_tokens_are_the_recorded_ones(tower, recorded, index):
    tokens = clip_tokens(tower, picture(index), "video")
    torch.testing.assert_close(tokens, recorded[f"tokens{index}"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("index", [0, 1])
def test_the_tower_written_by_hand_gives_the_recorded_tokens(weights, recorded, index):
    """It stands in for recorded numbers elsewhere, so it must agree with those there are."""
    tokens = video_tokens(recorded[f"pixels{index}"], weights, HEADS)
    torch.testing.assert_close(tokens, recorded[f"tokens{index}"], atol=1e-5, rtol=0)


def test_sdxl_tokens_are_what_enters_the_last_layer(tower, weights):
    pixels = CLIP_TOKENS["sdxl"].preprocess(picture(1))
    expected = hidden_states(pixels, weights, HEADS)[-2]
    torch.testing.assert_close(clip_tokens(tower, picture(1), "sdxl"), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("family", CLIP_TOKENS)
def test_many_references_run_a_few_at_a_time_with_the_same_tokens(family):
    images = torch.rand(2 * PICTURES_PER_PASS + 3, 20, 30, 3, generator=torch.Generator().manual_seed(0))
    seen = []

    def run(pixels):
        seen.append(len(pixels))
        states = pixels.flatten(2).transpose(1, 2)
        return states, states + 1

    together = CLIP_TOKENS[family].encode(images, 16, run, lambda tokens: tokens * 2)
    assert seen == [PICTURES_PER_PASS, PICTURES_PER_PASS, 3]
    alone = torch.cat(
        [CLIP_TOKENS[family].encode(one[None], 16, run, lambda tokens: tokens * 2) for one in images]
    )
    assert together.shape == (len(images), 256, 3)
    assert torch.equal(together, alone)


def test_assembling_norms_the_class_token_of_the_video_family_alone():
    last, before = torch.ones(1, 3, 2), torch.zeros(1, 3, 2)
    video = CLIP_TOKENS["video"].assemble(last, before, lambda tokens: tokens * 5)
    assert video[0, :, 0].tolist() == [5.0, 1.0, 1.0]
    assert torch.equal(CLIP_TOKENS["sdxl"].assemble(last, before, lambda tokens: tokens * 5), before)


def test_a_tower_of_one_layer_serves_video_and_is_refused_for_sdxl(file):
    tower = open_clip_vision_tower({name: t for name, t in file.items() if "resblocks.1." not in name})
    assert clip_tokens(tower, torch.zeros(1, 8, 8, 3), "video").shape == (1, 257, 160)
    with pytest.raises(MismatchError, match="cannot serve an SDXL adapter") as caught:
        clip_tokens(tower, torch.zeros(1, 8, 8, 3), "sdxl")
    assert "one layer" in caught.value.found
    assert "two layers" in caught.value.expected
    assert "ViT-H/14" in caught.value.fix


def test_a_tower_of_another_size_reads_its_own_size(file):
    small = {**file, "visual.positional_embedding": file["visual.positional_embedding"][: 4 * 4 + 1]}
    assert clip_tokens(open_clip_vision_tower(small), picture(0), "video").shape == (1, 17, 160)


def test_an_unknown_kind_of_tokens_is_refused(tower):
    with pytest.raises(InputError, match="no such kind of CLIP tokens") as caught:
        clip_tokens(tower, picture(0), "film")
    assert caught.value.found == "'film'"
    assert caught.value.expected == " or ".join(CLIP_TOKENS)
