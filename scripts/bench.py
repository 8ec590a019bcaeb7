"""Speed and memory, as ratios measured in one run.

python scripts/bench.py                        everything that this machine can measure
python scripts/bench.py --only unet sampler    some of it: unet, sampler, startup, video, gpu

Sets up what is missing, like the demo. Weights are random; time does not depend on their values.
"""

from __future__ import annotations

import argparse
import sys

import environment
import pinned_hosts
from environment import say

from stylecrafter_core.comfy_host.find import activate
from stylecrafter_core.errors import StyleCrafterError

TOPICS = ("unet", "sampler", "startup", "video", "gpu")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment.add_arguments(parser)
    parser.add_argument("--only", nargs="+", choices=TOPICS, default=TOPICS)
    arguments = parser.parse_args()
    try:
        environment.enter(arguments.current_interpreter)
        host = pinned_hosts.usable_host()
        environment.install(host, arguments.current_interpreter)
    except StyleCrafterError as error:
        say(f"The benchmark stopped. {error}")
        return 1
    import torch

    activate(host, cpu=not torch.cuda.is_available())
    from benchmarks import measure_startup, measure_unet, measure_video

    say(f"torch {torch.__version__}, {torch.get_num_threads()} threads, ComfyUI {host.name}")
    with torch.inference_mode():
        if {"unet", "sampler"} & set(arguments.only):
            measure_unet.on_cpu()
        if "startup" in arguments.only:
            measure_startup.report(host)
        if "video" in arguments.only:
            measure_video.report()
        if "gpu" in arguments.only:
            if torch.cuda.is_available():
                measure_unet.on_gpu()
            else:
                say("gpu: left out, this machine has none")
    return 0


if __name__ == "__main__":
    sys.exit(main())
