"""The run's folder, and materials that a tiny config makes for itself."""

from __future__ import annotations

from ...errors import InputError
from ..config import Config
from ..engine import Engine
from ..run import make_materials
from ..run_folder import CONFIG, check_free
from .report import Section, bytes_in


def run_folder(config: Config) -> Section:
    """Whether a new run may begin there; a run that is there may go on. Nothing is made."""
    folder = config.run.dir
    if (folder / CONFIG).exists():
        return Section("Run folder", f"{folder} holds a run: go on with --resume; a new one is refused")
    try:
        check_free(config)
    except InputError as problem:
        return Section("Run folder", str(problem), passed=False)
    return Section("Run folder", f"{folder} is free")


def materials(config: Config, engine: Engine) -> str:
    """Makes what is missing of the materials that the config asks for; says what was done.

    Every process must call it.
    """
    if config.materials is None:
        return "nothing was written"
    folder = config.materials.dir
    before = bytes_in(folder)
    make_materials(config, engine)
    if bytes_in(folder) == before:
        return f"nothing was written; the materials are those in {folder}"
    return f"written: only the materials that the config asks for, in {folder}"
