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

    from torch import Tensor

    Tensors = dict[str, Tensor]

SEED = 2312
CONTEXT, CLIP_WIDTH, HEAD_DIM, FRAMES = 64, 128, 32, 16
TEXT_LAYERS, VISION_LAYERS = 3, 2
LATENT_SCALE = 0.18215  # the host divides latents by it before they are decoded
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

    activate(host, cpu=not torch.cuda.is_available())
    generator = torch.Generator().manual_seed(SEED)
    spatial, temporal = _unet(generator)
    parts = {"model.diffusion_model": spatial | temporal, "cond_stage_model.model": _text(generator)}
    parts["first_stage_model"] = _autoencoder(generator)
    base = {f"{prefix}.{name}": t for prefix, tensors in parts.items() for name, t in tensors.items()}
    yield DemoFile("checkpoints", BASE, base)
    yield DemoFile("stylecrafter", TEMPORAL, {name: t.clone() for name, t in temporal.items()})
    yield DemoFile("stylecrafter", ADAPTER, _adapter(generator))
    yield DemoFile("clip_vision", ENCODER, _vision(generator))


def _unet(generator: object) -> tuple[Tensors, Tensors]:
    """Spatial and temporal tensors of a small video U-Net, in the published names."""
    import torch

    from stylecrafter_core.comfy_host.model import build_model
    from stylecrafter_core.formats import temporal_to_official
    from stylecrafter_core.spec import TemporalBlockSpec, UNetSpec

    places = {
        "input_blocks.0.1": 64,
        "input_blocks.1.2": 64,
        "input_blocks.3.2": 128,
        "middle_block.2": 128,
        "output_blocks.0.2": 128,
        "output_blocks.1.2": 128,
        "output_blocks.2.2": 64,
        "output_blocks.3.2": 64,
    }
    blocks = tuple(
        TemporalBlockSpec(name, channels, 8 if first else channels // HEAD_DIM, HEAD_DIM, FRAMES, first)
        for name, channels in places.items()
        for first in [name == "input_blocks.0.1"]
    )
    spec = UNetSpec(4, 4, 64, (1, 2), (1, 1), (1, 1), 1, (1, 1, 1, 1), CONTEXT, HEAD_DIM, True, blocks)
    network = build_model(spec, torch.float32, None, "meta").diffusion_model
    tensors = _random({name: tuple(t.shape) for name, t in network.state_dict().items()}, generator)
    tensors["out.2.weight"] *= 0.1
    inside = {n: t for n, t in tensors.items() if any(n.startswith(f"{place}.") for place in places)}
    nested = temporal_to_official(blocks, inside)
    temporal = {f"{block}.{name}": t for block, state in nested.items() for name, t in state.items()}
    return {name: t for name, t in tensors.items() if name not in inside}, temporal


def _adapter(generator: object) -> Tensors:
    from stylecrafter_core.adapter import StyleAdapter
    from stylecrafter_core.formats import adapter_to_official
    from stylecrafter_core.spec import AdapterSpec, ScalePredictorSpec, Site, StyleTransformerSpec

    places = [("input", 1, 64), ("input", 3, 128), ("middle", 0, 128)]
    places += [("output", 0, 128), ("output", 1, 128), ("output", 2, 64), ("output", 3, 64)]
    sites = tuple(Site(block, number, 0, channels) for block, number, channels in places)
    spec = AdapterSpec(
        family="video",
        style_transformer=StyleTransformerSpec(8, CLIP_WIDTH, 2, 8, CONTEXT),
        scale_predictor=ScalePredictorSpec(len(sites), CONTEXT, 2, 8, CONTEXT, False, False, False, 32),
        site_channels=tuple(site.channels for site in sites),
        sites=sites,
        context_dim=CONTEXT,
        normalises_style=True,
    )
    shapes = {n: tuple(t.shape) for n, t in StyleAdapter(spec, device="meta").state_dict().items()}
    return adapter_to_official(spec, _random(shapes, generator))


def _autoencoder(generator: object) -> Tensors:
    """TAESD's layout, which the host's VAE class reads."""
    import torch
    from comfy.taesd.taesd import TAESD

    tensors = _random({name: tuple(t.shape) for name, t in TAESD().state_dict().items()}, generator)
    tensors["vae_scale"] = torch.tensor(LATENT_SCALE)
    # Around mid-grey: unsaturated frames show what the latents hold.
    last = tensors["taesd_decoder.19.weight"]
    tensors["taesd_decoder.19.weight"] = (last - last.mean(dim=(1, 2, 3), keepdim=True)) / 2
    tensors["taesd_decoder.19.bias"] += 0.5
    return tensors


def _text(generator: object) -> Tensors:
    shapes = {
        "token_embedding.weight": (49408, CONTEXT),
        "positional_embedding": (77, CONTEXT),
        "text_projection": (CONTEXT, CONTEXT),
        "logit_scale": (),
        **_norm("ln_final", CONTEXT),
        **_open_clip_blocks(TEXT_LAYERS, CONTEXT),
    }
    return _random(shapes, generator)


def _vision(generator: object) -> Tensors:
    shapes = {
        "class_embedding": (CLIP_WIDTH,),
        "positional_embedding": (257, CLIP_WIDTH),
        "conv1.weight": (CLIP_WIDTH, 3, 14, 14),
        "proj": (CLIP_WIDTH, CONTEXT),
        **_norm("ln_pre", CLIP_WIDTH),
        **_norm("ln_post", CLIP_WIDTH),
        **_open_clip_blocks(VISION_LAYERS, CLIP_WIDTH),
    }
    return _random({f"visual.{name}": shape for name, shape in shapes.items()}, generator)


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _open_clip_blocks(layers: int, width: int) -> dict[str, tuple[int, ...]]:
    block = {
        "attn.in_proj_weight": (3 * width, width),
        "attn.in_proj_bias": (3 * width,),
        "attn.out_proj.weight": (width, width),
        "attn.out_proj.bias": (width,),
        "mlp.c_fc.weight": (4 * width, width),
        "mlp.c_fc.bias": (4 * width,),
        "mlp.c_proj.weight": (width, 4 * width),
        "mlp.c_proj.bias": (width,),
        **_norm("ln_1", width),
        **_norm("ln_2", width),
    }
    return {
        f"transformer.resblocks.{layer}.{name}": shape
        for layer in range(layers)
        for name, shape in block.items()
    }


def _random(shapes: dict[str, tuple[int, ...]], generator: object) -> Tensors:
    """Ones for the gains of norms, zeros for biases, else normal values scaled by the number of inputs."""
    import torch

    tensors = {}
    for name, shape in shapes.items():
        if name.endswith(("bias", "vae_shift")):
            tensors[name] = torch.zeros(shape)
        elif len(shape) < 2 and "embedding" not in name:
            tensors[name] = torch.ones(shape)
        else:
            inputs = torch.Size(shape[1:]).numel()
            tensors[name] = torch.randn(shape, generator=generator) * inputs**-0.5
    return tensors


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
