"""Say whether a small family's base is good enough for the next stage: a base that cannot draw is not styled.

python lab/gate_small.py --work runs/small
python lab/gate_small.py --work runs/small --stage plain_base    before it has seen any style

Two gates, one after the other, by the content judge, which is trained first where it is not there:
autoencoder  the data maker's scenes, encoded and decoded: 0.90 of the subjects recognised
base alone   plain prompts without a style: 0.80 recognised; and 14 of the 16 pictures that are drawn by lot
             into gate_base.png named by eye, which no command can do

The exit status is 0 if both are reached. A gate that is not reached is answered by a smaller task or a longer
training, not by going on.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).absolute().parents[1] / "scripts"))

import environment
import pinned_hosts
from command_line import at_least
from environment import say

from stylecrafter_core.errors import InputError, StyleCrafterError


def main() -> int:
    arguments = arguments_of(sys.argv[1:])
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger("lab").setLevel(logging.INFO)
    try:
        environment.enter(arguments.current_interpreter)
        host = pinned_hosts.usable_host()
        environment.install(host, arguments.current_interpreter)
        _activate(host)
        return 0 if all_reached(arguments) else 1
    except (StyleCrafterError, OSError) as error:
        say(f"\nThe gates were not measured. {error}")
        return 1


def arguments_of(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment.add_arguments(parser)
    parser.add_argument("--work", type=Path, default=Path("runs/small"), help="folder of lab/train_small.py")
    parser.add_argument("--task", choices=("sixteen", "eight"), default="eight", help="what it has learnt")
    parser.add_argument(
        "--stage", choices=("plain_base", "base"), default="base", help="which of the recipe's bases"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="of noise, prompts, what is drawn by lot")
    parser.add_argument("--prompts", type=at_least(16), default=160, help="and scenes for the autoencoder")
    parser.add_argument("--steps", type=at_least(1), default=25, help="of the sampler")
    parser.add_argument("--cfg-text", type=float, default=7.5)
    parser.add_argument("--judge-scenes", type=at_least(1), default=4000, help="that the judge learns from")
    parser.add_argument("--judge-steps", type=at_least(1), default=1500, help="for so many steps")
    return parser.parse_args(words)


def _activate(host: Path) -> None:
    from stylecrafter_core.training.host.find import activate

    activate(host, exact_attention=True)


def all_reached(arguments: argparse.Namespace) -> bool:
    """Measures both gates, writes their pictures; needs an activated host.

    Raises:
        InputError: there is no base in the work folder.
    """
    files = [arguments.work / f"{name}.safetensors" for name in (arguments.stage, "image_encoder")]
    if missing := [str(file) for file in files if not file.is_file()]:
        raise InputError(
            "There is no base to judge.",
            found=f"no file {', '.join(missing)}",
            expected="the files of lab/train_small.py in the folder that --work names",
            fix=f"run lab/train_small.py --work {arguments.work} --task {arguments.task}",
        )
    from lab.judging.content import Schooling, content_judge
    from lab.judging.gates import autoencoder_gate, base_gate, by_lot
    from lab.scenes import TASKS
    from stylecrafter_core.training.host.frozen_base import load_base
    from stylecrafter_core.training.host.styled_sampling import SamplingSettings

    task, seed, count = TASKS[arguments.task], arguments.seed, arguments.prompts
    schooling = Schooling(arguments.judge_scenes, arguments.judge_steps)
    judge = content_judge(arguments.work, seed, schooling, task)
    base = load_base(files[0], None, files[1], "float32")
    settings = SamplingSettings(
        task.side, task.side, 1, arguments.steps, 0.0, arguments.cfg_text, 0.0, seed, "euler"
    )
    gates = [autoencoder_gate(base, judge, task, seed, count)]
    say(gates[0].sentence())
    gates.append(base_gate(base, judge, task, seed, settings, count))
    say(gates[1].sentence())
    for name, gate in zip(("gate_autoencoder.png", "gate_base.png"), gates, strict=True):
        by_lot(gate, seed).save(arguments.work / name)
    say(f"Sixteen pictures of each, by lot: {arguments.work}/gate_*.png")
    return all(gate.reached for gate in gates)


if __name__ == "__main__":
    sys.exit(main())
