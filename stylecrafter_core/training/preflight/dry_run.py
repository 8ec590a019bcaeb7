"""`train.py style --dry-run`: would this run start?"""

from __future__ import annotations

from ..config import Config
from ..loop import Training
from ..run import engine_for
from ..setup import set_up
from ..stages import StageName, stage_of, trainable
from ..tables import frozen_and_trained
from .passes import NOTHING_TRAINED, try_passes
from .places import materials, run_folder


def dry_run(name: StageName, config: Config, *, cpu: bool) -> str:
    """Load and check everything and compute one forward and backward pass of each kind; no step is taken.

    Nothing is written, but for materials that the config asks for and that are not there yet.

    Args:
        name: the stage.
        cpu: the host computes on the CPU.

    Returns:
        What was found, for people.

    Raises:
        StyleCrafterError: the run would be refused.
    """
    stage = stage_of(name, config)
    folder = run_folder(config)
    with engine_for(config, cpu, stage) as engine:
        written = materials(config, engine)
        setup = set_up(stage, config, engine)
        trains = bool(trainable(setup.model))
        tried = map(str, try_passes(Training(setup, engine))) if trains else [NOTHING_TRAINED]
        lines = [frozen_and_trained(setup.model), *tried, folder.text, f"Dry run: {written}."]
        return "\n".join(lines)
