"""Makes the small family's base in a few steps, in a process of its own: `… FOLDER HOST`.

The style network is a random one of four channels, so nothing is downloaded.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "scripts"), str(ROOT)]


def main(folder: Path, host: Path) -> None:
    from stylecrafter_core.comfy_host.find import activate

    activate(host, cpu=True)
    import torch
    from safetensors.torch import save_file
    from small import packages, recipe
    from small.styles import adain

    torch.set_num_threads(1)
    encoder, decoder = (
        [layer for layer in part if layer not in ("half", "double")]
        for part in (adain.ENCODER, adain.DECODER)
    )
    shapes = {"encoder.0": (3, 3, 1), "encoder.2": (3, 4, 3), f"decoder.{adain.LAST_OF_DECODER}": (4, 3, 3)}
    names = [f"encoder.{layer}" for layer in encoder] + [f"decoder.{layer}" for layer in decoder]
    shapes = dict.fromkeys(names, (4, 4, 3)) | shapes
    random = torch.Generator().manual_seed(0)
    tensors = {}
    for name, (inputs, outputs, side) in shapes.items():
        scale = (2 / (inputs * side**2)) ** 0.5
        tensors[f"{name}.weight"] = torch.randn(outputs, inputs, side, side, generator=random) * scale
        tensors[f"{name}.bias"] = torch.zeros(outputs)
    packages.FOLDER = folder / "style network"
    packages.FOLDER.mkdir()
    save_file(tensors, packages.FOLDER / packages.WEIGHTS)
    assert adain.network()
    recipe.make_base(folder / "work", 0, recipe.TINY, workers=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
