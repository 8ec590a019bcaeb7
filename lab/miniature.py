"""The paper's ablations in miniature: train every variant of the small family, score it, write the tables.

python lab/miniature.py                               everything, at the shipped configs' length
python lab/miniature.py --style-steps 600 --temporal-steps 200 --set engine.precision=bf16
python lab/miniature.py --only full attach            some of the rows

Reads a family's folder: docs/miniature.md says how to make one from the weights in weights/. What was stopped
goes on when the same command is given again; what is trained or scored is not done a second time. The page is
brought up to date after each variant.
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

ROWS = ("full", "no_augmentation", "attach", "fixed_gain", "two_stages", "no_temporal", "joint")


def main() -> int:
    arguments = arguments_of(sys.argv[1:])
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger("lab").setLevel(logging.INFO)
    try:
        environment.enter(arguments.current_interpreter)
        host = pinned_hosts.usable_host()
        environment.install(host, arguments.current_interpreter)
        compare(host, arguments)
    except (StyleCrafterError, OSError) as error:
        say(f"\nThe comparison is not complete. {error}")
        return 1
    say(f"\nTables and pictures: {document_of(arguments)}")
    return 0


def arguments_of(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment.add_arguments(parser)
    parser.add_argument("--family", type=Path, default=Path("runs/small"), help="of lab/train_small.py")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/miniature"), help="folder for runs and scores"
    )
    parser.add_argument("--document", type=Path, help="the page with the tables; default: in --work")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS, metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--seeds", nargs="+", type=at_least(0), default=[0, 1, 2], help="of the trainings")
    parser.add_argument("--style-steps", type=at_least(1), help="default: as in configs/small_style.yaml")
    parser.add_argument(
        "--temporal-steps", type=at_least(1), help="default: as in configs/small_temporal.yaml"
    )
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c", help="passed on to train.py")
    parser.add_argument(
        "--judges", type=Path, default=Path("runs/small_measures"), help="where the content judge is"
    )
    options.add_arguments(parser)
    arguments = parser.parse_args(words)
    arguments.seeds = sorted(set(arguments.seeds))
    return arguments


def compare(host: Path, arguments: argparse.Namespace) -> None:
    from stylecrafter_core.training.host.find import activate

    activate(host, exact_attention=True)
    from lab.ablation.page import TOPICS, write_page
    from lab.ablation.scoring import claim_work, score
    from lab.ablation.training import check_settings, needs
    from lab.ablation.variants import VARIANTS
    from lab.judging.document import begin

    needs(arguments.family)
    plan, study = _plan(host, arguments), _study(arguments)
    check_settings(plan)
    begin(document_of(arguments), TOPICS)
    claim_work(plan, study)
    for seed in arguments.seeds:
        for name in arguments.only:
            score(plan, study, VARIANTS[name], seed)
            write_page(plan.work, study, arguments.seeds, document_of(arguments))


def document_of(arguments: argparse.Namespace) -> Path:
    """The page: a trial does not touch the published one unless it is named."""
    return arguments.document or arguments.work / "miniature.md"


def _plan(host: Path, arguments: argparse.Namespace) -> Any:
    from lab.ablation.training import Plan

    return Plan(
        arguments.family,
        arguments.work,
        arguments.style_steps or _config("style").run.steps,
        arguments.temporal_steps or _config("temporal").run.steps,
        tuple(arguments.set),
        host,
    )


def _study(arguments: argparse.Namespace) -> Any:
    from lab.ablation.training import BASE, IMAGE_ENCODER
    from lab.judging.content import Schooling
    from lab.judging.sampler import Files
    from lab.judging.study import Study, settings_of

    given = {} if arguments.steps is None else {"steps": arguments.steps}
    family = arguments.family
    return Study(
        Files(family / BASE, family / IMAGE_ENCODER, family / BASE, None),
        settings_of(_config("style"), **given),
        arguments.judges,
        most_paintings=arguments.paintings,
        most_prompts=arguments.prompts,
        schooling=Schooling(arguments.judge_scenes, arguments.judge_steps),
    )


def _config(stage: str) -> Any:
    from lab.ablation.variants import STAGES
    from stylecrafter_core.training.config import load_config

    return load_config(ROOT / STAGES[stage])


if __name__ == "__main__":
    sys.exit(main())
