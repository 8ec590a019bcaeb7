"""Make the small family's weights again: data, autoencoder, text and vision tower, video base.

python lab/train_small.py --work runs/small           from the published weights: autoencoder and towers stay
                                                      as they are, the U-Net goes on with plain pictures,
                                                      then with data of the task
python lab/train_small.py --work DIR --task sixteen   all of it from nothing, hours on two cores
python lab/train_small.py --work DIR --size tiny      a few steps of everything, to see that it runs
python lab/train_small.py --work DIR --device cuda --minutes 8
                                                      on a graphics card; the minutes are the base's

What was stopped goes on when the same command is given again.

Then, after `source .venv/bin/activate`, with the trainer that everybody uses, style adapter and temporal
blocks:

python train.py prepare runs/small/data/pictures runs/small/data/paintings --out runs/small/pictures.jsonl
python train.py prepare runs/small/data/clips --out runs/small/clips.jsonl
python train.py cache --config configs/small_style.yaml
python train.py cache --config configs/small_temporal.yaml
python train.py style --config configs/small_style.yaml
python train.py temporal --config configs/small_temporal.yaml

The configs are of the task eight's 96×96 pictures; those of sixteen need --set data.width=128
--set data.height=128.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).absolute().parents[1] / "scripts"))

import environment
from command_line import at_least
from environment import say

from lab.set_up import set_up
from stylecrafter_core.errors import StyleCrafterError

TASK = "what the family draws: eight subjects that fill the picture, as the published one, or sixteen"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment.add_arguments(parser)
    parser.add_argument("--work", type=Path, default=Path("runs/small"), help="folder for all that is made")
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument("--task", choices=("sixteen", "eight"), default="eight", help=TASK)
    parser.add_argument("--size", choices=("full", "tiny"), default="full")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where networks learn")
    parser.add_argument(
        "--minutes",
        type=float,
        help="for the base, in place of its steps: as many as fit, what was done before a stop included",
    )
    parser.add_argument(
        "--workers", type=at_least(1), default=os.cpu_count() or 1, help="processes that make data"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        environment.enter(arguments.current_interpreter)
        _train(set_up(arguments.current_interpreter), arguments)
    except (StyleCrafterError, OSError) as error:
        say(f"\nThe small family is not complete. {error}")
        return 1
    say(f"\nBase and image encoder are in {arguments.work}; the adapter's training comes next: see --help")
    return 0


def _train(host: Path, arguments: argparse.Namespace) -> None:
    from stylecrafter_core.training.host.find import activate

    activate(host, cpu=arguments.device == "cpu")
    import torch

    from lab.family import amounts, packages, recipe

    packages.fetch_style_network()
    size = amounts.SIZES[arguments.task]
    if arguments.size == "tiny":
        size = amounts.tiny(size)
    if arguments.device == "cuda":
        size = amounts.for_a_card(size)
    engine = recipe.Engine(torch.device(arguments.device), arguments.workers, arguments.minutes)
    recipe.make_base(arguments.work, arguments.seed, size, engine)


if __name__ == "__main__":
    sys.exit(main())
