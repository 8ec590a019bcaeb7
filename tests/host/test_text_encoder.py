"""A text encoder in a file of its own, as the trainer loads it for Wan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import comfy.ops
import pytest
import torch
from comfy.text_encoders.t5 import T5
from safetensors.torch import save_file
from sdxl_files import fill
from wan_files import is_umt5, sentence_pieces

# What a host knows umT5 by: its width or, a newer one, its feed-forward layers'. All else is small;
# umT5 has 5.7 billion values.
KNOWN_BY = ({"d_model": 4096, "d_ff": 8}, {"d_model": 8, "d_ff": 10240})
SMALL = {"num_layers": 24, "d_kv": 8, "num_heads": 1, "vocab_size": 320}
BUILD = {"dense_act_fn": "gelu_pytorch_tanh", "is_gated_act": True, "model_type": "umt5"}


def test_the_sizes_of_a_t5_are_read_off_its_file(core: Callable[[str], Any], tmp_path: Path) -> None:
    sizes = next(known for known in KNOWN_BY if is_umt5(**known))
    network = T5({**SMALL, **sizes, **BUILD}, torch.float32, "cpu", comfy.ops.disable_weight_init)
    fill(network, 0)
    words = torch.frombuffer(bytearray(sentence_pieces()), dtype=torch.uint8)
    path = tmp_path / "umt5.safetensors"
    save_file({**network.state_dict(), "spiece_model": words}, path)
    clip = core("training.host.text_encoder").load_text_encoder(path, "wan")
    text = clip.encode_from_tokens(clip.tokenize("a small village"))
    assert text.shape == (1, 512, sizes["d_model"])
    rows = text[0].any(-1)
    assert 2 < rows.sum() < 20, "zeros behind the prompt"
    assert not torch.allclose(text, clip.encode_from_tokens(clip.tokenize("calm water")), atol=1e-3)


def test_a_type_that_the_host_does_not_know(core: Callable[[str], Any], tmp_path: Path) -> None:
    with pytest.raises(core("errors").InputError) as caught:
        core("training.host.text_encoder").load_text_encoder(tmp_path / "umt5.safetensors", "wann")
    assert caught.value.found == "base.text_encoder_type wann"
    assert "wan" in caught.value.expected.split(", ")
