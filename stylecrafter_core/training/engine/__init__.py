"""How a step is computed: on one device, on several (DDP), or with the trained weights cut up (FSDP2)."""

from __future__ import annotations

from collections.abc import Callable

from ..config.schema import Engine as EngineConfig
from .accelerated import AcceleratedEngine
from .base import Engine
from .sharded import ShardedEngine

KINDS: dict[str, Callable[[str, bool], Engine]] = {"accelerate": AcceleratedEngine, "fsdp2": ShardedEngine}

__all__ = ["Engine", "make_engine"]


def make_engine(config: EngineConfig, cpu: bool) -> Engine:
    """The engine that the config names.

    Args:
        cpu: the host computes on the CPU, so training does.
    """
    return KINDS[config.kind](config.precision, cpu)
