"""From nothing to the small family's base, stage by stage; a stage whose file is there is not run again.

work/recipe.json                seed and sizes: the folder takes no others
work/data/                      pictures, clips, paintings
work/autoencoder.safetensors    in TAESD's names
work/towers.safetensors         both towers of open_clip's CLIP
work/latents.safetensors        of all pictures and clips
work/base.safetensors           one checkpoint in the published video family's layout
work/image_encoder.safetensors  the vision tower alone

Weights are kept in float16, and each stage reads what the stage before kept: what is given away is what the
next stage learnt on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from stylecrafter_core.media import read_video

from ..files import make_once
from ..materials import networks
from ..scenes import PUBLISHED, TASKS
from . import autoencoder, base, towers
from .alt_texts import alt_text, main_colours
from .claims import claim
from .data import RECORD, RECORDS, Counts, check_seed, make_data
from .learning import contiguous
from .precision import in_half
from .randomness import generator

log = logging.getLogger(__name__)

TEXTS_OF_A_PICTURE = 4  # that the towers learn from
VISION = "visual."
RECIPE = "recipe.json"


@dataclass(frozen=True)
class Size:
    """How much of what is made and learnt."""

    task: str
    data: Counts
    autoencoder_steps: int
    tower_steps: int
    base_rounds: tuple[base.Round, ...]


FULL = Size(PUBLISHED.name, Counts(pictures=12000, clips=800), autoencoder.STEPS, towers.STEPS, base.ROUNDS)
PLAIN_FIRST = (  # it has to draw before it is styled
    base.Round(20000, 1e-3, noise_offset=0.3, plain=True),
    base.Round(6000, 6e-4, noise_offset=0.3),
    base.Round(1000, 4e-4, noise_offset=0.3, noise_gain=0.2, ema=0.99),
)
EIGHT = Size("eight", Counts(pictures=24300, clips=2000), autoencoder.STEPS, towers.STEPS, PLAIN_FIRST)
SIZES = {size.task: size for size in (FULL, EIGHT)}
WIDER = 8  # times as many pictures in a step on a graphics card, which is not busy with fewer


def tiny(size: Size) -> Size:
    """A few steps of everything."""
    rounds = tuple(replace(this, steps=2) for this in size.base_rounds)
    return Size(size.task, Counts(pictures=54, clips=4), 2, 2, rounds)


TINY = tiny(FULL)


def for_a_card(size: Size) -> Size:
    """The same with larger steps of the base."""
    rounds = tuple(replace(this, wider=WIDER) for this in size.base_rounds)
    return replace(size, base_rounds=rounds)


@dataclass(frozen=True)
class Engine:
    """What computes, and for how long.

    Attributes:
        device: where networks learn.
        workers: processes that make data.
        minutes: of the base's training, however often it is stopped; None takes the steps of its rounds.
    """

    device: torch.device = base.CPU
    workers: int = 1
    minutes: float | None = None


def make_base(work: Path, seed: int, size: Size, engine: Engine) -> None:
    """Everything up to `base.safetensors` and `image_encoder.safetensors`. The host must be active.

    Raises:
        InputError: the folder or the data in it was begun with another seed or size.
    """
    check_seed(
        work / "data", seed, TASKS[size.task]
    )  # first: a folder that is refused takes no other seed's claim
    claim(work / RECIPE, {"seed": seed, **asdict(size)})
    if not _data_is_made(work / "data", size.data):
        log.info("Data")
        make_data(work / "data", seed, size.data, engine.workers, TASKS[size.task])
    _stage(work / "autoencoder.safetensors", _write_autoencoder, work, seed, size, engine)
    _stage(work / "towers.safetensors", _write_towers, work, seed, size, engine)
    _stage(work / "latents.safetensors", _write_latents, work, engine)
    _stage(work / "base.safetensors", _write_base, work, seed, size, engine)
    _stage(work / "image_encoder.safetensors", _write_image_encoder, work)


def _data_is_made(data: Path, counts: Counts) -> bool:
    """Whether the folder holds so many pictures and clips, each with its caption."""
    if not ((data / RECORD).is_file() and (data / RECORDS).is_file()):
        return False
    pictures, clips = read_records(data, clips=False), read_records(data, clips=True)
    files = [data / record["file"] for record in (*pictures, *clips)]
    return (len(pictures), len(clips)) == (counts.pictures, counts.clips) and all(
        file.is_file() and file.with_suffix(".txt").is_file() for file in files
    )


def _stage(file: Path, write: Callable[..., None], *arguments: Any) -> None:
    if not file.is_file():
        log.info("%s", file.stem)
    make_once(file, write, *arguments)


def _write_autoencoder(path: Path, work: Path, seed: int, size: Size, engine: Engine) -> None:
    pixels = read_pictures(work / "data", read_records(work / "data", clips=False))
    network = autoencoder.train_autoencoder(
        pixels, work / "autoencoder", seed, size.autoencoder_steps, engine.device
    )
    save_file(in_half(network.state_dict()), path)


def _write_towers(path: Path, work: Path, seed: int, size: Size, engine: Engine) -> None:
    records = read_records(work / "data", clips=False)
    pixels = read_pictures(work / "data", records)
    texts = [_alt_texts(seed, number, record, pixels[number]) for number, record in enumerate(records)]
    network = towers.train_towers(pixels, texts, work / "towers", seed, size.tower_steps, engine.device)
    save_file(in_half(network.state_dict()), path)


def _alt_texts(seed: int, number: int, record: dict[str, Any], pixels: Tensor) -> list[str]:
    random, colours = generator(seed, "alt texts", number), main_colours(pixels.numpy())
    return [alt_text(record, colours, random) for _ in range(TEXTS_OF_A_PICTURE)]


def _write_latents(path: Path, work: Path, engine: Engine) -> None:
    data = work / "data"
    network: Any = autoencoder.fresh_autoencoder(0)
    network.load_state_dict(load_file(work / "autoencoder.safetensors"))
    encode = partial(autoencoder.encoded, network, device=engine.device)
    pictures = encode(read_pictures(data, read_records(data, clips=False)))
    clips = [
        encode((read_video(data / record["file"]).frames * 255).round().byte())
        for record in read_records(data, clips=True)
    ]
    save_file(contiguous({"pictures": pictures.half(), "clips": torch.stack(clips).half()}), path)


def _write_base(path: Path, work: Path, seed: int, size: Size, engine: Engine) -> None:
    text = _parts(work / "towers.safetensors", vision=False)
    shown = _shown(work, text)
    unet = base.train_base(shown, work / "base", seed, size.base_rounds, engine.device, engine.minutes)
    spatial, temporal = networks.published_unet(base.unet_spec(), unet)
    whole = networks.published_base(spatial | temporal, text, load_file(work / "autoencoder.safetensors"))
    save_file(in_half(whole), path)


def _shown(work: Path, text: dict[str, Tensor]) -> base.Shown:
    records = [read_records(work / "data", clips) for clips in (False, True)]
    states, rows = base.text_states(text, [record["caption"] for kind in records for record in kind])
    picture_texts, clip_texts = (
        torch.tensor([rows[record["caption"]] for record in kind]) for kind in records
    )
    latents = load_file(work / "latents.safetensors")
    plain = torch.tensor([number for number, record in enumerate(records[0]) if record["style"] is None])
    return base.Shown(latents["pictures"], latents["clips"], states, picture_texts, clip_texts, plain)


def _write_image_encoder(path: Path, work: Path) -> None:
    save_file(_parts(work / "towers.safetensors", vision=True), path)


def _parts(file: Path, vision: bool) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in load_file(file).items() if name.startswith(VISION) == vision}


def read_records(data: Path, clips: bool) -> list[dict[str, Any]]:
    """The data maker's lines on pictures, or on clips, in their order."""
    lines = (data / RECORDS).read_text(encoding="utf-8").splitlines()
    folder = "clips/" if clips else "pictures/"
    return [record for record in map(json.loads, lines) if record["file"].startswith(folder)]


def read_pictures(data: Path, records: list[dict[str, Any]]) -> Tensor:
    """uint8 [N, H, W, 3]."""
    pixels = []
    for record in records:
        with Image.open(data / record["file"]) as picture:
            pixels.append(np.asarray(picture.convert("RGB")))
    return torch.from_numpy(np.stack(pixels))
