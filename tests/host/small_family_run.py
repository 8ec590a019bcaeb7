"""Makes the small family's base in a few steps, in a process of its own: `… FOLDER HOST TASK`.

The style network is a random one of four channels, so nothing is downloaded.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "scripts"), str(ROOT / "tests" / "lab"), str(ROOT)]


def main(folder: Path, host: Path, task: str) -> None:
    from stylecrafter_core.training.host.find import activate

    activate(host, cpu=True)
    import pytest
    import torch
    from frozen_networks import build_frozen
    from safetensors.torch import save_file
    from tiny_style_network import tiny_style_network

    from lab.family import amounts, packages, recipe
    from lab.styles import adain

    torch.set_num_threads(1)
    build_frozen(pytest.MonkeyPatch())
    packages.FOLDER = folder / "style network"
    packages.FOLDER.mkdir()
    save_file(tiny_style_network(), packages.FOLDER / packages.WEIGHTS)
    assert adain.network()
    recipe.make_base(folder / "work", 0, amounts.tiny(amounts.SIZES[task]), recipe.Engine())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
