"""Results of a test set, numbers, and pages that compare methods, without a user interface.

python evaluate.py methods                                         what can be compared, and what is missing
python evaluate.py generate --set set.json --workflow stylecrafter --out runs/ours
python evaluate.py score runs/ours --set set.json --clip ViT-H-14.safetensors
python evaluate.py compare --set set.json --methods stylecrafter videocrafter_words --out runs/compare
python evaluate.py report runs/compare --set set.json              table, contact sheet and page once more
accelerate launch --num_processes 2 evaluate.py compare ...        the pairs shared among processes

Every command goes on where it stopped. --small takes the small weights of this repository.
docs/evaluation.md tells what each number means.
Exit status: 0 all done; 1 some pairs failed and are named; 2 refused.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from scripts.command_line import at_least
from stylecrafter_core.errors import InputError, exit_status

if TYPE_CHECKING:
    from lab.evaluation.comparing import Run
    from lab.evaluation.metric_choice import Chosen, Given

INSTALL = "clone the whole repository, and use .venv/bin/python, which scripts/demo.py makes"


def main(arguments: list[str] | None = None) -> int:
    # Before PyTorch is loaded, and for ComfyUI, too: where processes share the cores, threads that spin while
    # they wait take them from each other (four times the time, measured with two threads on busy cores).
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for add in (_add_methods, _add_generate, _add_score, _add_compare, _add_report):
        add(commands)
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    return exit_status(lambda: options.run(options), INSTALL)


def _add_methods(commands: argparse._SubParsersAction) -> None:
    words = "every row of the paper's tables: whether it runs here, or what it lacks"
    parser = commands.add_parser("methods", help=words, description=words)
    _add_host(parser)
    parser.set_defaults(run=_methods)


def _add_generate(commands: argparse._SubParsersAction) -> None:
    words = "a test set through one workflow"
    parser = commands.add_parser("generate", help=words, description=words)
    _add_set(parser)
    parser.add_argument(
        "--workflow", required=True, help="a method's name, or a workflow file in API form; see `methods`"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for results and settings")
    _add_host(parser)
    parser.set_defaults(run=_generate)


def _add_score(commands: argparse._SubParsersAction) -> None:
    words = "numbers of the results in a folder"
    parser = commands.add_parser("score", help=words, description=words)
    parser.add_argument("results", type=Path, help="folder of pictures or videos")
    _add_set(parser, required=False)
    parser.add_argument("--prompt", default="", help="of all results, where there is no --set")
    parser.add_argument("--reference", type=Path, nargs="+", default=[], help="the same: style pictures")
    parser.add_argument("--out", type=Path, help="folder for scores.json; default: the results' own")
    _add_metrics(parser)
    parser.set_defaults(run=_score)


def _add_compare(commands: argparse._SubParsersAction) -> None:
    words = "several methods on the same pairs and seeds: results, numbers, report"
    parser = commands.add_parser("compare", help=words, description=words)
    _add_set(parser)
    parser.add_argument("--methods", nargs="+", required=True, help="names from `methods`, or workflow files")
    parser.add_argument("--out", type=Path, required=True, help="folder for all of it")
    parser.add_argument("--rows", type=at_least(1), default=12, help="pairs that the page shows")
    _add_host(parser)
    _add_metrics(parser)
    parser.set_defaults(run=_compare)


def _add_report(commands: argparse._SubParsersAction) -> None:
    words = "table, contact sheet and page of a comparison that is scored"
    parser = commands.add_parser("report", help=words, description=words)
    parser.add_argument("comparison", type=Path, help="the --out of `compare`")
    _add_set(parser)
    parser.add_argument("--rows", type=at_least(1), default=12, help="pairs that the page shows")
    parser.set_defaults(run=_report)


def _add_set(parser: argparse.ArgumentParser, required: bool = True) -> None:
    parser.add_argument(
        "--set", dest="test_set", type=Path, required=required, help="the test set, a JSON file"
    )
    parser.add_argument("--pairs", type=at_least(1), help="the first so many of it; default: all")


def _add_host(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=123, help="of the first pair; the others count on")
    parser.add_argument("--models", type=Path, help="folder like ComfyUI/models; default: ComfyUI's own")
    parser.add_argument("--small", action="store_true", help="the small weights of this repository")
    parser.add_argument(
        "--value",
        action="append",
        default=[],
        metavar="name=value",
        help="for every input of that name, such as ckpt_name=mine.safetensors or steps=25; repeatable",
    )
    parser.add_argument("--cpu", action="store_true", default=None, help="compute on the CPU")


def _add_metrics(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--metrics", nargs="+", help="names; default: all that can be computed here")
    parser.add_argument(
        "--clip", type=Path, help="open_clip checkpoint with both towers (the paper's: ViT-H/14)"
    )
    parser.add_argument("--dino", type=Path, help="DINO or DINOv2 checkpoint")
    parser.add_argument("--raft", type=Path, help="torchvision's RAFT-small")


def _methods(options: argparse.Namespace) -> int:
    from lab.evaluation.comparing import methods_in_words

    with TemporaryDirectory(prefix="stylecrafter-") as folder:
        print(methods_in_words(_run(options, Path(folder))))
    return 0


def _generate(options: argparse.Namespace) -> int:
    from lab.evaluation.comparing import generate_one

    failed = generate_one(_run(options, options.out), options.workflow, options.out, _pairs(options))
    return _end(failed)


def _score(options: argparse.Namespace) -> int:
    from lab.evaluation.comparing import score_one
    from lab.evaluation.metric_choice import Given
    from lab.evaluation.scoring import results_in, results_of
    from lab.evaluation.shards import this_shard

    if options.test_set is None:
        results = results_in(options.results, options.prompt, options.reference)
        given = Given(bool(options.prompt.strip()), bool(options.reference))
    else:
        results, given = results_of(_pairs(options), options.results), Given()
    folder = options.out or options.results
    return _end(score_one(results, _chosen(options, given), folder, this_shard(), _say))


def _compare(options: argparse.Namespace) -> int:
    from lab.evaluation.comparing import compare
    from lab.evaluation.metric_choice import Given

    run = _run(options, options.out)
    return _end(compare(run, options.methods, _pairs(options), _chosen(options, Given()), options.rows))


def _report(options: argparse.Namespace) -> int:
    from lab.evaluation.comparing import report

    for file in report(options.comparison, _pairs(options), options.rows):
        print(file)
    return 0


def _run(options: argparse.Namespace, out: Path) -> Run:
    from lab.evaluation.comparing import Run, small_models
    from lab.evaluation.shards import this_shard

    values: dict[str, Any] = {}
    models = options.models
    if options.small:
        models, values = small_models(out)
    values |= dict(map(_value, options.value))
    return Run(out, options.seed, values, models, options.cpu, this_shard(), _say)


def _value(text: str) -> tuple[str, Any]:
    name, mark, value = text.partition("=")
    if not mark:
        raise InputError(
            "A --value has no name.", found=text, expected="name=value", fix="write it like steps=25"
        )
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _pairs(options: argparse.Namespace) -> tuple:
    from lab.evaluation.test_set import read_test_set

    return read_test_set(options.test_set)[: options.pairs]


def _chosen(options: argparse.Namespace, given: Given) -> Chosen:
    from lab.evaluation.metric_choice import WeightFiles, choose

    chosen = choose(WeightFiles(options.clip, options.dino, options.raft), given, options.metrics)
    for name, why in chosen.left_out.items():
        _say(f"{name} is left out. {why}")
    return chosen


def _end(failed: list[str]) -> int:
    """The exit status, when every process is done: the launcher ends them all when one has failed."""
    from lab.evaluation.shards import this_shard

    this_shard().wait_for_all()
    for line in failed:
        print(line, file=sys.stderr)
    return 1 if failed else 0


_say = partial(print, flush=True)

if __name__ == "__main__":
    sys.exit(main())
