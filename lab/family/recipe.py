"""The small family's base, stage by stage; a stage whose file is there is not run again.

work/recipe.json                seed and sizes: the folder takes no others
work/data/                      pictures, clips, paintings
work/autoencoder.safetensors    in TAESD's names
work/towers.safetensors         both towers of open_clip's CLIP
work/image_encoder.safetensors  the vision tower alone
work/latents.safetensors        of all pictures and clips
work/base.safetensors           one checkpoint in the published video family's layout

`sixteen` makes all of it from nothing. `eight` takes autoencoder and towers from weights/ and begins with the
U-Net there; it has to draw before it is styled, so two stages come before its data:

work/plain_latents.safetensors  of plain pictures, and their captions
work/plain_base.safetensors     the base after them, to be judged by lab/gate_small.py; `base` goes on from it
work/decoder.safetensors        the autoencoder after more steps of its decoder alone, on the data; the base's

Weights are kept in float16, and each stage reads what the stage before kept: what is given away is what the
next stage learnt on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from stylecrafter_core.formats import read_video_base
from stylecrafter_core.media import read_video

from ..files import make_once
from ..materials import networks
from ..materials.starting_point import silence_temporal_blocks
from ..scenes import TASKS
from . import autoencoder, base, published, towers
from .alt_texts import alt_text, main_colours
from .amounts import FromNothing, FromPublished, Size
from .claims import claim
from .data import check_seed, data_is_made, make_data, read_pictures, read_records
from .learning import contiguous
from .plain import plain_pictures
from .precision import in_half
from .randomness import generator
from .sizes import FRAMES

log = logging.getLogger(__name__)

TEXTS_OF_A_PICTURE = 4  # that the towers learn from
VISION = "visual."
RECIPE, PLAIN_LATENTS, PLAIN_BASE = "recipe.json", "plain_latents.safetensors", "plain_base.safetensors"
AUTOENCODER, DECODER = "autoencoder.safetensors", "decoder.safetensors"
CAPTIONS = "captions"  # in the header of the plain latents, as JSON


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
    if isinstance(size.start, FromPublished):
        _make_plain_base(work, seed, size, size.start, engine)
    if not data_is_made(work / "data", size.data):
        log.info("Data")
        make_data(work / "data", seed, size.data, engine.workers, TASKS[size.task])
    if isinstance(size.start, FromNothing):
        _stage(work / AUTOENCODER, _write_autoencoder, work, seed, size.start, engine)
        _stage(work / "towers.safetensors", _write_towers, work, seed, size.start, engine)
    else:
        _stage(work / DECODER, _write_decoder, work, seed, size.start, engine)
    _stage(work / "latents.safetensors", _write_latents, work, engine)
    _stage(work / "base.safetensors", _write_base, work, seed, size, engine)
    _stage(work / "image_encoder.safetensors", _write_image_encoder, work)


def _make_plain_base(work: Path, seed: int, size: Size, start: FromPublished, engine: Engine) -> None:
    """A base that has seen plain pictures alone, and its image encoder: enough to be judged."""
    _stage(work / AUTOENCODER, _keep, published.autoencoder)
    _stage(work / "towers.safetensors", _keep, published.towers)
    _stage(work / "image_encoder.safetensors", _write_image_encoder, work)
    _stage(work / PLAIN_LATENTS, _write_plain_latents, work, seed, size.task, start.pictures, engine)
    _stage(work / PLAIN_BASE, _write_plain_base, work, seed, size, start.plain, engine)


def _stage(file: Path, write: Callable[..., None], *arguments: Any) -> None:
    if not file.is_file():
        log.info("%s", file.stem)
    make_once(file, write, *arguments)


def _write_autoencoder(path: Path, work: Path, seed: int, start: FromNothing, engine: Engine) -> None:
    pixels = read_pictures(work / "data", read_records(work / "data", clips=False))
    network = autoencoder.train_autoencoder(
        pixels, work / "autoencoder", seed, start.autoencoder_steps, engine.device
    )
    save_file(in_half(network.state_dict()), path)


def _write_decoder(path: Path, work: Path, seed: int, start: FromPublished, engine: Engine) -> None:
    pixels = read_pictures(work / "data", read_records(work / "data", clips=False))
    folder = work / "decoder"
    network = autoencoder.train_decoder(
        _autoencoder(work), pixels, folder, seed, start.decoder_steps, engine.device
    )
    save_file(in_half(network.state_dict()), path)


def _write_towers(path: Path, work: Path, seed: int, start: FromNothing, engine: Engine) -> None:
    records = read_records(work / "data", clips=False)
    pixels = read_pictures(work / "data", records)
    texts = [_alt_texts(seed, number, record, pixels[number]) for number, record in enumerate(records)]
    network = towers.train_towers(pixels, texts, work / "towers", seed, start.tower_steps, engine.device)
    save_file(in_half(network.state_dict()), path)


def _alt_texts(seed: int, number: int, record: dict[str, Any], pixels: Tensor) -> list[str]:
    random, colours = generator(seed, "alt texts", number), main_colours(pixels.numpy())
    return [alt_text(record, colours, random) for _ in range(TEXTS_OF_A_PICTURE)]


def _write_latents(path: Path, work: Path, engine: Engine) -> None:
    data = work / "data"
    encode = partial(autoencoder.encoded, _autoencoder(work), device=engine.device)
    pictures = encode(read_pictures(data, read_records(data, clips=False)))
    clips = [
        encode((read_video(data / record["file"]).frames * 255).round().byte())
        for record in read_records(data, clips=True)
    ]
    save_file(contiguous({"pictures": pictures.half(), "clips": torch.stack(clips).half()}), path)


def _write_plain_latents(path: Path, work: Path, seed: int, task: str, pictures: int, engine: Engine) -> None:
    captions, pixels = plain_pictures(seed, pictures, task, engine.workers)
    latents = autoencoder.encoded(_autoencoder(work), pixels, device=engine.device)
    save_file(contiguous({"pictures": latents.half()}), path, {CAPTIONS: json.dumps(captions)})


def _write_plain_base(
    path: Path, work: Path, seed: int, size: Size, plain: base.Round, engine: Engine
) -> None:
    with safe_open(work / PLAIN_LATENTS, "pt") as file:
        pictures, captions = file.get_tensor("pictures"), json.loads(file.metadata()[CAPTIONS])
    no_clips = pictures.new_zeros(0, FRAMES, *pictures.shape[1:])
    shown = _shown(_text_tower(work), {"pictures": pictures, "clips": no_clips}, captions, [])
    folder, minutes = work / "plain_base", size.share(engine.minutes, (plain,))
    unet = published.unet()
    silence_temporal_blocks(unet, base.unet_spec())
    unet = base.train_base(unet, shown, folder, seed, (plain,), engine.device, minutes)
    _save_base(path, work, unet, AUTOENCODER)


def _write_base(path: Path, work: Path, seed: int, size: Size, engine: Engine) -> None:
    captions = [
        [record["caption"] for record in read_records(work / "data", clips)] for clips in (False, True)
    ]
    shown = _shown(_text_tower(work), load_file(work / "latents.safetensors"), *captions)
    if isinstance(size.start, FromPublished):
        unet = read_video_base(work / PLAIN_BASE).unet
    else:
        unet = base.fresh_unet(seed)
    rounds, minutes = size.base_rounds, size.share(engine.minutes, size.base_rounds)
    unet = base.train_base(unet, shown, work / "base", seed, rounds, engine.device, minutes)
    _save_base(path, work, unet, DECODER if isinstance(size.start, FromPublished) else AUTOENCODER)


def _shown(
    text: dict[str, Tensor], latents: dict[str, Tensor], pictures: list[str], clips: list[str]
) -> base.Shown:
    """Latents of pictures and clips, with their captions."""
    states, rows = base.text_states(text, [*pictures, *clips])
    texts = (
        torch.tensor([rows[caption] for caption in kind], dtype=torch.long) for kind in (pictures, clips)
    )
    return base.Shown(latents["pictures"], latents["clips"], states, *texts)


def _save_base(path: Path, work: Path, unet: dict[str, Tensor], vae_file: str) -> None:
    spatial, temporal = networks.published_unet(base.unet_spec(), unet)
    vae = load_file(work / vae_file)
    save_file(in_half(networks.published_base(spatial | temporal, _text_tower(work), vae)), path)


def _text_tower(work: Path) -> dict[str, Tensor]:
    return _parts(work / "towers.safetensors", vision=False)


def _autoencoder(work: Path) -> Any:
    network = autoencoder.fresh_autoencoder(0)
    network.load_state_dict(load_file(work / AUTOENCODER))
    return network


def _keep(path: Path, tensors: Callable[[], dict[str, Tensor]]) -> None:
    save_file(in_half(tensors()), path)


def _write_image_encoder(path: Path, work: Path) -> None:
    save_file(_parts(work / "towers.safetensors", vision=True), path)


def _parts(file: Path, vision: bool) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in load_file(file).items() if name.startswith(VISION) == vision}
