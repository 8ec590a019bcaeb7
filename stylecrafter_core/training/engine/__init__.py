"""How a step is computed: on one device, on several (DDP), or with the trained weights cut up (FSDP2)."""

from __future__ import annotations

from collections.abc import Callable

from ..config.schema import Engine as EngineConfig
from .accelerated import AcceleratedEngine
from .base import Engine
from .sharded import ShardedEngine

KINDS: dict[str, Callable[[str, bool, bool], Engine]] = {
    "accelerate": AcceleratedEngine,
    "fsdp2": ShardedEngine,
}

__all__ = ["Engine", "make_engine"]


def make_engine(config: EngineConfig, cpu: bool, some_unused: bool = False) -> Engine:
    """The engine that the config names.

    Args:
        cpu: the host computes on the CPU, so training does.
        some_unused: some steps leave some of the trained weights without a gradient.
    """
    return KINDS[config.kind](config.precision, cpu, some_unused)
