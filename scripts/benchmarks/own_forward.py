"""One pass of our network in float32 on the processor: `… HOST FRAMES HEIGHT WIDTH OUT`.

In a process of its own, where the host is told that there is no card.
"""

from __future__ import annotations

import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1]


def main(host: Path, frames: int, height: int, width: int, out: Path) -> None:
    sys.path[:0] = [str(SCRIPTS), str(SCRIPTS.parent)]
    from stylecrafter_core.training.host.find import activate

    activate(host, cpu=True)
    import torch

    from benchmarks.measure_agreement import predicted_noise

    torch.save(predicted_noise(torch.float32, frames, height, width), out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:5]), Path(sys.argv[5]))
