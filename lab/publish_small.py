"""Write what was trained into weights/: float16, with the SHA-256 of each file in SHA256SUMS.

python lab/publish_small.py                         from the folders that the shipped configs write to
python lab/publish_small.py --only base encoder     some of the files; the others stay as they are

Commit the result: the demo refuses weights that do not match their sums.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).absolute().parents[1] / "scripts"))

import environment
import pinned_hosts
from environment import say

from stylecrafter_core.errors import StyleCrafterError


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment.add_arguments(parser)
    parser.add_argument("--work", type=Path, default=Path("runs/small"), help="of lab/train_small.py")
    parser.add_argument("--style", type=Path, default=Path("runs/small_style"), help="run folder of stage 1")
    parser.add_argument(
        "--temporal", type=Path, default=Path("runs/small_temporal"), help="run folder of stage 2"
    )
    names = ("base", "encoder", "adapter", "temporal")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    arguments = parser.parse_args()
    try:
        environment.enter(arguments.current_interpreter)
        environment.install(pinned_hosts.usable_host(), arguments.current_interpreter)
        from lab.family import family

        made = {
            "base": (family.BASE, arguments.work / "base.safetensors"),
            "encoder": (family.IMAGE_ENCODER, arguments.work / "image_encoder.safetensors"),
            "adapter": (family.ADAPTER, arguments.style / "adapter.safetensors"),
            "temporal": (family.TEMPORAL, arguments.temporal / "temporal.safetensors"),
        }
        family.publish(dict(made[name] for name in arguments.only))
    except (StyleCrafterError, OSError) as error:
        say(f"Not everything was published. {error}")
        return 1
    say(f"Published in {family.ROOM}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
