"""`lab/measure_small.py` without its set-up, on the tiny family and an adapter that was never trained.

`… FAMILY FOLDER HOST`. Every measurement has few paintings, prompts, settings and steps.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "scripts"), str(ROOT / "tests" / "lab"), str(ROOT)]


def main(family: Path, folder: Path, host: Path) -> None:
    from stylecrafter_core.training.host.find import activate

    activate(host, cpu=True, exact_attention=True)
    import torch

    torch.set_num_threads(1)
    from tiny_style_network import tiny_style_network

    from lab import gate_small, measure_small
    from lab.family import packages
    from lab.judging import bounds, content, curve, grid, time

    write_weights(family, folder)
    content.TESTS = 20
    packages.fetch_style_network = lambda: None
    bounds.network = tiny_style_network
    curve.STRENGTHS = (0.0, 1.0)
    time.FRAMES = 3
    grid.TEXT_SCALES, grid.STYLE_SCALES = (1.0, 7.0), (0.0, 3.0)
    files = {
        "--base": family / "base.safetensors",
        "--image-encoder": family / "image_encoder.safetensors",
        "--adapter": folder / "adapter.safetensors",
        "--temporal": folder / "temporal.safetensors",
        "--work": folder,
        "--document": folder / "page.md",
    }
    words = [str(word) for option in files.items() for word in option]
    few = ["--paintings", "2", "--prompts", "2", "--steps", "2", "--judge-scenes", "40", "--judge-steps", "2"]
    measure_small.measure(measure_small.arguments_of([*words, *few]))
    pass_gates(family, folder, gate_small)


def pass_gates(family: Path, folder: Path, gate_small: Any) -> None:
    """`lab/gate_small.py` on the family, as one of eight subjects; its pictures go into the folder."""
    work = folder / "gates"
    work.mkdir()
    for name in ("base.safetensors", "image_encoder.safetensors"):
        (work / name).symlink_to(family / name)
    few = ["--prompts", "17", "--steps", "2", "--judge-scenes", "40", "--judge-steps", "2"]
    reached = gate_small.all_reached(gate_small.arguments_of(["--work", str(work), "--task", "eight", *few]))
    assert not reached, "a base of a few steps does not draw"


def write_weights(family: Path, folder: Path) -> None:
    """An adapter with an effect, and temporal blocks that are not the base's."""
    import torch

    from stylecrafter_core.formats import save_adapter, save_temporal
    from stylecrafter_core.training.host.frozen_base import load_base, temporal_tensors
    from stylecrafter_core.training.host.new_adapter import create_tensors, spec_for

    base: Any = load_base(family / "base.safetensors", None, family / "image_encoder.safetensors", "float32")
    spec = spec_for(base.unet, "video", clip_width=base.clip_width, num_queries=4, depth=1)
    tensors = create_tensors(spec, base.unet, seed=0)
    tensors |= {name: torch.ones_like(t) for name, t in tensors.items() if name.endswith("norm.weight")}
    save_adapter(folder / "adapter.safetensors", spec, tensors)
    random = torch.Generator().manual_seed(0)
    temporal = {
        name: tensor + 0.1 * torch.randn(tensor.shape, generator=random)
        for name, tensor in temporal_tensors(base.unet).items()
    }
    save_temporal(folder / "temporal.safetensors", base.temporal_blocks, temporal)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
