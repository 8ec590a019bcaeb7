"""The published Wan adapter against its recorded numbers: selection, style tokens, several references."""

import json

import pytest
import torch
from safetensors.torch import load_file

from stylecrafter_core import load_adapter
from stylecrafter_core.adapter.query_transformer import prompt_similarity, select_tokens
from stylecrafter_core.errors import InputError, MismatchError

SAMPLES = pytest.mark.parametrize("b", [0, 1])


@pytest.fixture(scope="module")
def recorded(pytestconfig):
    folder = pytestconfig.rootpath / "tests" / "golden" / "wan_a"
    return load_file(folder / "expected.safetensors"), json.loads((folder / "config.json").read_text())


@pytest.fixture(scope="module")
def adapter(pytestconfig):
    return load_adapter(pytestconfig.rootpath / "tests" / "golden" / "wan_a" / "stylemaster.ckpt")


def encoded(adapter, expected, rows):
    return adapter.encode(expected["last_hidden_state"][rows], expected["image_embeds"][rows])


@SAMPLES
def test_selection(recorded, b):
    expected, _ = recorded
    tokens, text = expected["last_hidden_state"][b : b + 1], expected["text"][b]
    torch.testing.assert_close(
        prompt_similarity(tokens, text)[0], expected["similarity"][b], atol=1e-6, rtol=0
    )
    assert torch.equal(select_tokens(tokens, text, 0.95)[0], tokens[0, expected["kept"][b].long()])


@SAMPLES
def test_style_tokens(adapter, recorded, b):
    expected, _ = recorded
    tokens = adapter.style_tokens(encoded(adapter, expected, slice(b, b + 1)), expected["text"][b : b + 1])
    torch.testing.assert_close(tokens[0], expected["style"][b], atol=1e-5, rtol=0)


def test_style_tokens_depend_on_the_prompt(adapter, recorded):
    expected, _ = recorded
    style = encoded(adapter, expected, slice(1, 2))
    assert style.tokens is None
    both = adapter.style_tokens(style, expected["text"])
    torch.testing.assert_close(both[:1], expected["style_ref1_text0"], atol=1e-5, rtol=0)
    torch.testing.assert_close(both[1], expected["style"][1], atol=1e-5, rtol=0)


def test_several_references_stand_behind_each_other(adapter, recorded):
    expected, _ = recorded
    tokens = adapter.style_tokens(encoded(adapter, expected, slice(0, 2)), expected["text"][:1])
    by_hand = torch.cat([expected["style"][:1], expected["style_ref1_text0"]], dim=1)
    torch.testing.assert_close(tokens, by_hand, atol=1e-5, rtol=0)


def test_null_style_is_the_bias_of_v(adapter):
    [site, *_] = adapter.site_styles(torch.randn(1, 3, adapter.spec.context_dim))
    torch.testing.assert_close(site.null[0, 0], adapter.style_kv[0].to_v.bias)


def test_gains_are_one(adapter, recorded):
    expected, _ = recorded
    assert torch.equal(adapter.layer_gains(expected["style"], expected["text"]), torch.ones(2, 3))


def test_embeddings_are_needed(adapter, recorded):
    expected, _ = recorded
    with pytest.raises(InputError, match="CLIP embedding"):
        adapter.encode(expected["last_hidden_state"])
    with pytest.raises(InputError, match="shape"):
        adapter.encode(expected["last_hidden_state"], expected["image_embeds"][:1])


def test_text_of_another_width(adapter, recorded):
    expected, _ = recorded
    with pytest.raises(MismatchError, match="128 wide"):
        adapter.style_tokens(encoded(adapter, expected, slice(0, 1)), expected["text"][..., :64])
