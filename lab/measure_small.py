"""Measure the small family: style, content, both scales, time, gains; as tables, figures and single numbers.

python lab/measure_small.py                            everything, of the weights in weights/
python lab/measure_small.py held_out curve             some of it
python lab/measure_small.py time --adapter runs/small_style/adapter.safetensors \\
    --temporal runs/small_temporal/temporal.safetensors    of files of your own
python lab/measure_small.py curve --paintings 2 --prompts 4 --steps 5        a little, to look at

held_out  every held-out painting × every prompt: own reference nearest of 20, subject recognised
bounds    the same of scenes that AdaIN stylised, before and after the autoencoder: what could be reached
curve     the same over the style strength
grid      text scale × style scale
time      the second stage against the first: warp error and motion
gains     what the scale predictor finds for rich and plain styles, short and long prompts

The first run trains the content judge (minutes). Two cores need about an hour for everything.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).absolute().parents[1] / "scripts"))

import environment
import pinned_hosts
from command_line import at_least
from environment import ROOT, say

from lab.judging import options
from stylecrafter_core.errors import StyleCrafterError

TOPICS = ("held_out", "bounds", "curve", "grid", "time", "gains")


def main() -> int:
    arguments = arguments_of(sys.argv[1:])
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger("small").setLevel(logging.INFO)
    try:
        environment.enter(arguments.current_interpreter)
        host = pinned_hosts.usable_host()
        environment.install(host, arguments.current_interpreter)
        _activate(host)
        measure(arguments)
    except (StyleCrafterError, OSError) as error:
        say(f"\nNot everything was measured. {error}")
        return 1
    return 0


def arguments_of(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment.add_arguments(parser)
    parser.add_argument("topics", nargs="*", type=_topic, metavar="topic", help=f"of {', '.join(TOPICS)}")
    for option in ("--base", "--image-encoder", "--adapter", "--temporal"):
        parser.add_argument(option, type=Path, help="a file; default: the one in weights/")
    parser.add_argument("--work", type=Path, default=Path("runs/small_measures"), help="folder for results")
    parser.add_argument(
        "--document",
        type=Path,
        help="Markdown file whose marked tables are replaced; begun where it is not there",
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="of noise, prompts, what is drawn by lot")
    parser.add_argument("--cfg-text", type=float, help="default: as in configs/small_style.yaml")
    parser.add_argument("--cfg-style", type=float, help="the same")
    options.add_arguments(parser)
    return parser.parse_args(words)


def _topic(name: str) -> str:
    # `choices` would refuse an empty list, which means all of them.
    if name not in TOPICS:
        raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(TOPICS)}")
    return name


def _activate(host: Path) -> None:
    from stylecrafter_core.training.host.find import activate

    activate(host, exact_attention=True)


def measure(arguments: argparse.Namespace) -> None:
    """Every topic that was asked for, each written as soon as it is measured; needs an activated host."""
    import importlib

    from lab.family import packages
    from lab.judging.document import begin
    from lab.judging.report import write_results

    if "bounds" in (arguments.topics or TOPICS):
        packages.fetch_style_network()
    study = _study(arguments)
    if arguments.document is not None:
        begin(arguments.document, arguments.topics or TOPICS)
    for topic in arguments.topics or TOPICS:
        say(f"\n{topic}")
        module = importlib.import_module(f"lab.judging.{topic}")
        measured = module.measure(study)
        tables = module.tables(measured.record)
        write_results(topic, measured, tables, arguments.work, arguments.document)
        say("\n\n".join(tables.values()))


def _study(arguments: argparse.Namespace) -> Any:
    from lab.family import family
    from lab.judging.content import Schooling
    from lab.judging.sampler import Files
    from lab.judging.study import Study, settings_of
    from stylecrafter_core.training.config import load_config

    changes = {"steps": arguments.steps, "cfg_text": arguments.cfg_text, "cfg_style": arguments.cfg_style}
    given = {name: value for name, value in changes.items() if value is not None}
    return Study(
        Files(
            arguments.base or family.check(family.BASE),
            arguments.image_encoder or family.check(family.IMAGE_ENCODER),
            arguments.adapter or family.check(family.ADAPTER),
            arguments.temporal or family.check(family.TEMPORAL),
        ),
        settings_of(load_config(ROOT / "configs" / "small_style.yaml"), seed=arguments.seed, **given),
        arguments.work,
        arguments.seed,
        arguments.paintings,
        arguments.prompts,
        Schooling(arguments.judge_scenes, arguments.judge_steps),
    )


if __name__ == "__main__":
    sys.exit(main())
