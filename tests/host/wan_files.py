"""Weight files and pictures for the Wan workflows: everything that the host's own loaders read.

The host takes the sizes of Wan and of its text encoder for granted. So it is taught those of the recorded
network and of a small umT5; its nodes stay as they are.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import comfy.ldm.wan.vae
import comfy.sd
import comfy.text_encoders.wan
import sentencepiece
import torch
from golden_wan import CONFIG, GOLDEN, tiny_wan
from safetensors.torch import save_file
from sdxl_files import CLIP_WIDTH, fill, picture, vision_tower
from torch import Tensor

FILES = {
    "unet_name": "tiny_wan.ckpt",
    "clip_name": "tiny_umt5.safetensors",
    "vae_name": "tiny_wan_vae.safetensors",
    "adapter_name": "tiny_stylemaster.ckpt",
    "encoder_name": "tiny_clip_vision_with_projection.safetensors",
    "lora_name": "tiny_wan_lora.safetensors",
}
PICTURES = ("style.png", "style_1.png", "style_2.png", "style_3.png", "other.png")
DIT, STYLE = CONFIG["dit"], CONFIG["style_model"]
UMT5 = {
    **{"d_model": DIT["text_dim"], "d_ff": 64, "d_kv": 32, "num_heads": 4, "num_layers": 2},
    "vocab_size": 320,
}
WORDS = "a wooden sailing boat glides over calm water in front of a small village"


class TinyUmT5(comfy.text_encoders.wan.UMT5XXlModel):
    """umT5, narrow and shallow."""

    def __init__(self, device: Any = "cpu", dtype: Any = None, model_options: Any = None):
        sizes = {"model_name": "umt5xxl", "umt5xxl_model_config": UMT5}
        super().__init__(device=device, dtype=dtype, model_options={**(model_options or {}), **sizes})


@contextmanager
def taught_host() -> Iterator[None]:
    """Inside, the host reads the files of `write_files`."""
    umt5 = mock.patch.object(comfy.text_encoders.wan, "UMT5XXlModel", TinyUmT5)
    found = mock.patch.object(comfy.sd, "detect_te_model", return_value=comfy.sd.TEModel.T5_XXL)
    with tiny_wan(), umt5, found:
        yield


def is_umt5(d_model: int, d_ff: int) -> bool:
    """Whether this host takes a text encoder of 24 blocks of these widths for umT5."""
    weight = torch.empty(d_ff, d_model, device="meta")
    kind = comfy.sd.detect_te_model({"encoder.block.23.layer.1.DenseReluDense.wi_1.weight": weight})
    return kind == comfy.sd.TEModel.T5_XXL


def write_files(host: Any) -> None:
    """Write FILES and PICTURES where the loaders of `host` look."""
    for kind, name in (("diffusion_models", "unet_name"), ("stylecrafter", "adapter_name")):
        shutil.copy(GOLDEN / "stylemaster.ckpt", host.models(kind) / FILES[name])
    save_file(_text_encoder(), host.models("text_encoders") / FILES["clip_name"])
    save_file(_autoencoder(), host.models("vae") / FILES["vae_name"])
    projection = torch.randn(
        CLIP_WIDTH, STYLE["clip_embeddings_dim"], generator=torch.Generator().manual_seed(3)
    )
    tower = {**vision_tower(), "visual.proj": projection}
    encoder = host.models("clip_vision") / FILES["encoder_name"]
    save_file(tower, encoder, {"num_heads": "5", "hidden_act": "gelu"})
    save_file(_lora(), host.models("loras") / FILES["lora_name"])
    for seed, name in enumerate(PICTURES):
        picture(host.input / name, seed)


def _text_encoder() -> dict[str, Tensor]:
    network = TinyUmT5().transformer
    fill(network, 0)
    proto = torch.frombuffer(bytearray(sentence_pieces()), dtype=torch.uint8)
    return {**network.state_dict(), "spiece_model": proto}


def sentence_pieces() -> bytes:
    """A vocabulary of a few words, and of all bytes for the others; padding and end have umT5's numbers."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([WORDS]),
        model_writer=written,
        vocab_size=UMT5["vocab_size"],
        hard_vocab_limit=False,
        byte_fallback=True,
        **{"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1, "minloglevel": 2},
    )
    return written.getvalue()


def _autoencoder() -> dict[str, Tensor]:
    """The host reads the width of Wan's autoencoder off the file."""
    network = comfy.ldm.wan.vae.WanVAE(
        dim=8,
        z_dim=16,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=2,
        attn_scales=[],
        temperal_downsample=[False, True, True],
        dropout=0.0,
    )
    fill(network, 1)
    return network.state_dict()


def _lora() -> dict[str, Tensor]:
    """As LoRAs for Wan are published: the queries of every self-attention, rank 2."""
    generator, lora = torch.Generator().manual_seed(5), {}
    for block in range(DIT["num_layers"]):
        key = f"diffusion_model.blocks.{block}.self_attn.q"
        lora[f"{key}.lora_up.weight"] = torch.randn(DIT["dim"], 2, generator=generator)
        lora[f"{key}.lora_down.weight"] = torch.randn(2, DIT["dim"], generator=generator)
    return lora
