"""The recorded style tokens and gains through the public Python calls, for both families, without a host."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from stylecrafter_core import load_adapter
from stylecrafter_core.errors import InputError, MismatchError

GOLDEN = Path(__file__).parent / "golden"
VIDEO = load_file(GOLDEN / "video_a" / "expected.safetensors")
SDXL = load_file(GOLDEN / "sdxl_a" / "expected.safetensors")


@pytest.fixture(scope="module")
def video():
    return load_adapter(GOLDEN / "video_a" / "adapter.pth")


@pytest.fixture(scope="module")
def sdxl():
    return load_adapter(str(GOLDEN / "sdxl_a" / "adapter.ckpt"))


@pytest.mark.parametrize("b", [0, 1])
@pytest.mark.parametrize(("references", "suffix"), [(slice(0, 1), "single"), (slice(0, 2), "multi")])
def test_video_family(video, b, references, suffix):
    style = video.encode(VIDEO["clip_tokens"][b, references])
    assert style.tokens.shape[0] == 1
    torch.testing.assert_close(style.tokens[0], VIDEO[f"style_{suffix}"][b], atol=1e-5, rtol=0)
    gains = video.layer_gains(style.tokens, VIDEO["text"][b : b + 1])
    torch.testing.assert_close(gains[0], 1 + VIDEO[f"scale_{suffix}"][b, :, 0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("b", [0, 1])
def test_sdxl_family(sdxl, b):
    style = sdxl.encode(SDXL["clip_tokens"][b : b + 1])
    torch.testing.assert_close(style.tokens[0], SDXL["style"][b], atol=1e-5, rtol=0)
    gains = sdxl.layer_gains(style.tokens, SDXL["text"][b : b + 1])
    torch.testing.assert_close(gains[0], 1 + SDXL["scale"][b, :, 0], atol=1e-5, rtol=0)


def test_the_order_of_references_does_not_matter(video):
    tokens = VIDEO["clip_tokens"][0]
    there, back = video.encode(tokens).tokens, video.encode(tokens.flip(0)).tokens
    torch.testing.assert_close(there, back, atol=1e-5, rtol=0)


def test_gains_of_a_batch_are_those_of_its_rows(video):
    styles, texts = VIDEO["style_single"], VIDEO["text"]
    batch = video.layer_gains(styles, texts)
    rows = torch.cat([video.layer_gains(styles[b : b + 1], texts[b : b + 1]) for b in range(2)])
    torch.testing.assert_close(batch, rows, atol=1e-6, rtol=0)
    assert ((batch > 0) & (batch < 2)).all()


def test_tokens_of_another_encoder_are_refused(video):
    with pytest.raises(MismatchError, match="image encoder") as caught:
        video.encode(torch.zeros(1, 5, 41))
    assert "41 wide" in str(caught.value)
    assert "40 wide" in str(caught.value)


def test_text_of_another_family_is_refused(video):
    with pytest.raises(MismatchError, match="text tokens") as caught:
        video.layer_gains(torch.zeros(1, 3, 24), torch.zeros(1, 77, 2048))
    assert "2048 wide" in str(caught.value)
    assert "24 wide" in str(caught.value)


def test_no_reference_is_refused(video):
    with pytest.raises(InputError, match="no image tokens"):
        video.encode(torch.zeros(0, 5, 40))


def test_adapters_are_told_apart(video, sdxl):
    again = load_adapter(GOLDEN / "video_a" / "adapter.pth")
    assert again.adapter_id == video.adapter_id
    assert sdxl.adapter_id != video.adapter_id
    assert video.encode(VIDEO["clip_tokens"][0]).adapter_id == video.adapter_id
