"""Speed and memory, as ratios measured in one run.

python scripts/bench.py                     everything that this machine can measure
python scripts/bench.py unet sdxl           some of it: unet, sdxl, wan, startup, video, score, gpu, train
python scripts/bench.py fake-card           whole jobs at full size on a graphics card that is not there
python scripts/bench.py agreement [--published F]    precisions against float32 and the published code in F
python scripts/bench.py train --config F    training with a config of your own, at its real sizes

unet: the video U-Net; sdxl: the SDXL U-Net; wan: blocks of Wan 1.3B. Each pass with and without style, and
the two-scale step.
agreement: one styled pass of the video network; on a card at the published size.
score: frames per second of evaluate.py, with decoding beside embedding and in turn; memory by length of clip.
train: a first stage in miniature, with caches and without, and against the published trainer's step.

Sets up what is missing, like the demo. Weights are random; time does not depend on their values.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import environment
import pinned_hosts
from environment import say

from stylecrafter_core.errors import StyleCrafterError
from stylecrafter_core.training.host.find import activate

TOPICS = ("unet", "sdxl", "wan", "startup", "video", "score", "gpu", "train")
FAKE_CARD, AGREEMENT = "fake-card", "agreement"  # minutes, and no clock: only where they are named


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment.add_arguments(parser)
    parser.add_argument("topics", nargs="*", type=_topic, metavar="topic", help=f"of {', '.join(TOPICS)}")
    parser.add_argument("--only", nargs="+", choices=TOPICS, default=TOPICS, help="the same")
    parser.add_argument("--config", type=Path, help="of a first stage; the topic train measures it")
    parser.add_argument("--published", type=Path, help="checkout of the published code; for agreement")
    arguments = parser.parse_args()
    wanted = arguments.topics or arguments.only
    try:
        environment.enter(arguments.current_interpreter)
        host = pinned_hosts.usable_host()
        environment.install(host, arguments.current_interpreter)
    except StyleCrafterError as error:
        say(f"The benchmark stopped. {error}")
        return 1
    import torch

    if FAKE_CARD in wanted:
        return _on_the_fake_card(host, wanted)
    activate(host, cpu=not torch.cuda.is_available())
    from benchmarks import (
        measure_agreement,
        measure_gpu,
        measure_scoring,
        measure_startup,
        measure_training,
        measure_unet,
        measure_video,
    )

    say(f"torch {torch.__version__}, {torch.get_num_threads()} threads, ComfyUI {host.name}")
    with torch.inference_mode():
        if "unet" in wanted:
            measure_unet.video_on_cpu()
        if "sdxl" in wanted:
            measure_unet.sdxl_on_cpu()
        if "wan" in wanted:
            measure_unet.wan_on_cpu()
        if "startup" in wanted:
            measure_startup.report(host)
        if "video" in wanted:
            measure_video.report()
        if "score" in wanted:
            measure_scoring.report()
        if "gpu" in wanted:
            if torch.cuda.is_available():
                measure_gpu.report()
            else:
                say("gpu: left out, this machine has none")
        if AGREEMENT in wanted:
            try:
                measure_agreement.report(host, arguments.published)
            except StyleCrafterError as error:
                say(f"The benchmark stopped. {error}")
                return 1
        if "train" in wanted:
            measure_training.report(host, arguments.config)
    return 0


def _on_the_fake_card(host: Path, wanted: Sequence[str]) -> int:
    """In a process of its own: the host decides on importing what it computes on."""
    if len(wanted) > 1:
        say(f"The benchmark stopped. {FAKE_CARD} runs alone: it tells the host that there is a card.")
        return 1
    activate(host, cpu=True, exact_attention=True)
    from fake_card.jobs import JOBS
    from fake_card.run import report

    return 0 if report() == len(JOBS) else 1


def _topic(name: str) -> str:
    """Not argparse's `choices`: with them, Python 3.11 refuses that nothing is named."""
    topics = (*TOPICS, FAKE_CARD, AGREEMENT)
    if name not in topics:
        raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(topics)}")
    return name


if __name__ == "__main__":
    sys.exit(main())
