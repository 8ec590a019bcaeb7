"""A small Wan in files of its own: network, text encoder, autoencoder, all random. The host must be active.

The host takes for granted that Wan's heads are 128 wide and that its text is 4096 wide, and knows its text
encoder by 24 blocks. All else is small. ComfyUI from 0.13 on knows the encoder by the width of its
feed-forward layers, and a small one by nothing: there these materials cannot be made.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from stylecrafter_core.errors import HostError

from .networks import Tensors, random_tensors

DIM, FFN_DIM, LAYERS, TEXT_DIM = 128, 256, 3, 4096
UMT5 = {"d_model": TEXT_DIM, "d_ff": 8, "d_kv": 8, "num_heads": 1, "num_layers": 24, "vocab_size": 500}
AUTOENCODER_DIM, LATENT = 8, 16
# So that latents of colours differ by about one, and not for their biases.
FIRST, BIAS, LAST = 4.0, 0.1, 8.0
HEARD = 0.3  # of what the network says: half of a latent is nearly right without it


def wan_tensors(generator: torch.Generator) -> Tensors:
    """Wan text-to-video, in the host's names."""
    from comfy.ldm.wan.model import WanModel
    from comfy.ops import disable_weight_init

    network = WanModel(
        "t2v",
        dim=DIM,
        ffn_dim=FFN_DIM,
        num_layers=LAYERS,
        num_heads=DIM // 128,
        text_dim=TEXT_DIM,
        operations=disable_weight_init,
        device="meta",
    )
    tensors = _random(network.state_dict(), generator)
    tensors["head.head.weight"] *= HEARD
    return tensors


def check_host() -> None:
    """Raise HostError unless the host takes a umT5 with narrow feed-forward layers for one."""
    import comfy.sd

    layer = torch.empty(UMT5["d_ff"], UMT5["d_model"], device="meta")
    name = f"encoder.block.{UMT5['num_layers'] - 1}.layer.1.DenseReluDense.wi_1.weight"
    if comfy.sd.detect_te_model({name: layer}) != comfy.sd.TEModel.T5_XXL:
        raise HostError(
            "This ComfyUI cannot load a small umT5, so there are no materials for the tiny Wan in it.",
            found="a release that knows umT5 by feed-forward layers 10240 wide",
            expected="one that knows it by its width, such as the tests' own ComfyUI",
            fix="run scripts/test.py or scripts/demo.py once and name its folder under .host in COMFYUI_PATH",
        )


def umt5_tensors(captions: Iterable[str], generator: torch.Generator) -> Tensors:
    """umT5, with a vocabulary for these captions in the file."""
    from comfy.ops import disable_weight_init
    from comfy.text_encoders.t5 import T5

    config = {**UMT5, "dense_act_fn": "gelu_pytorch_tanh", "is_gated_act": True, "model_type": "umt5"}
    network = T5(config, torch.float32, "meta", disable_weight_init)
    vocabulary = torch.frombuffer(bytearray(_sentence_pieces(captions)), dtype=torch.uint8)
    return {**_random(network.state_dict(), generator), "spiece_model": vocabulary}


def wan_autoencoder_tensors(generator: torch.Generator) -> Tensors:
    """Wan's autoencoder, in the host's names; with biases, without which its norms would lose brightness."""
    from comfy.ldm.wan.vae import WanVAE

    with torch.device("meta"):
        network = WanVAE(
            dim=AUTOENCODER_DIM,
            z_dim=LATENT,
            dim_mult=[1, 2, 4, 4],
            num_res_blocks=2,
            attn_scales=[],
            temperal_downsample=[False, True, True],
            dropout=0.0,
        )
    tensors = _random(network.state_dict(), generator)
    for name, tensor in tensors.items():
        if name.endswith("bias"):
            tensor.normal_(std=BIAS, generator=generator)
    tensors["encoder.conv1.weight"] *= FIRST
    tensors["conv1.weight"] *= LAST
    return tensors


def _random(state: Mapping[str, Any], generator: torch.Generator) -> Tensors:
    """As `random_tensors`; the gains of the autoencoder's norms, which are stored as pictures, are ones."""
    tensors = random_tensors({name: tuple(tensor.shape) for name, tensor in state.items()}, generator)
    return {name: torch.ones_like(t) if name.endswith("gamma") else t for name, t in tensors.items()}


def _sentence_pieces(captions: Iterable[str]) -> bytes:
    """A vocabulary of the captions' words, and of all bytes for others; the first numbers are umT5's."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(captions),
        model_writer=written,
        vocab_size=UMT5["vocab_size"],
        hard_vocab_limit=False,
        byte_fallback=True,
        **{"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1, "minloglevel": 2},
    )
    return written.getvalue()
