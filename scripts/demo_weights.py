"""Small random weights in the key layout of the published video family.

They go through the same loaders as the published files, so a job shows that every step works; what it makes
is noise.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from environment import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from torch import Tensor

    Tensors = dict[str, Tensor]

SEED = 2312
MODEL_CHANNELS, HEAD_DIM = 64, 32
VISION_GRID, VISION_PATCH = 16, 14
BASE = "stylecrafter_demo.safetensors"
ADAPTER = "stylecrafter_demo_adapter.safetensors"
TEMPORAL = "stylecrafter_demo_temporal.safetensors"
ENCODER = "stylecrafter_demo_clip_vision.safetensors"


@dataclass(frozen=True)
class DemoFile:
    """One weight file: its folder under models/, its name, what is in it."""

    folder: str
    name: str
    tensors: Tensors


def make_demo_weights(models_dir: Path, host: Path) -> dict[str, str]:
    """Write the files that are not there yet.

    Args:
        models_dir: the host's models folder.
        host: the ComfyUI whose network classes give the shapes.

    Returns:
        Loader input name → file name.
    """
    chosen = {"ckpt_name": BASE, "adapter_name": ADAPTER, "temporal_name": TEMPORAL, "encoder_name": ENCODER}
    folders = {BASE: "checkpoints", ADAPTER: "stylecrafter", TEMPORAL: "stylecrafter", ENCODER: "clip_vision"}
    if not all((models_dir / folder / name).is_file() for name, folder in folders.items()):
        # In a process of its own: a process can hold one ComfyUI only, and the caller may hold one already.
        subprocess.run([sys.executable, __file__, str(models_dir), str(host)], check=True)
    return chosen


def main(models_dir: Path, host: Path) -> None:
    """Write all files."""
    for file in _make_files(host):
        _write(models_dir / file.folder / file.name, file.tensors)


def _write(path: Path, tensors: Tensors) -> None:
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial)
    partial.replace(path)
    say(f"Made {path}: {sum(t.numel() for t in tensors.values()) / 1e6:.1f} M random values")


def _make_files(host: Path) -> Iterable[DemoFile]:
    import torch

    from stylecrafter_core.comfy_host.find import activate
    from stylecrafter_core.training.materials import networks

    activate(host, cpu=not torch.cuda.is_available())
    generator = torch.Generator().manual_seed(SEED)
    spec = networks.unet_spec(MODEL_CHANNELS, HEAD_DIM)
    spatial, temporal = networks.published_unet(spec, networks.unet_tensors(spec, generator))
    text = networks.text_tensors(generator)
    base = networks.published_base(spatial | temporal, text, _autoencoder(generator))
    yield DemoFile("checkpoints", BASE, base)
    yield DemoFile("stylecrafter", TEMPORAL, {name: t.clone() for name, t in temporal.items()})
    yield DemoFile("stylecrafter", ADAPTER, networks.adapter_tensors(spec, generator))
    yield DemoFile("clip_vision", ENCODER, networks.vision_tensors(VISION_GRID, VISION_PATCH, generator))


def _autoencoder(generator: torch.Generator) -> Tensors:
    """Random weights in TAESD's layout, which the host's VAE class reads."""
    import torch

    from stylecrafter_core.training.materials.autoencoder import HOST_SCALE, autoencoder_shapes
    from stylecrafter_core.training.materials.networks import random_tensors

    tensors = random_tensors(autoencoder_shapes(), generator)
    tensors["vae_scale"] = torch.tensor(HOST_SCALE)
    # Around mid-grey: unsaturated frames show what the latents hold.
    last = tensors["taesd_decoder.19.weight"]
    tensors["taesd_decoder.19.weight"] = (last - last.mean(dim=(1, 2, 3), keepdim=True)) / 2
    tensors["taesd_decoder.19.bias"] += 0.5
    return tensors


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
