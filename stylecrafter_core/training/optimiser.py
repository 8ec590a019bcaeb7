"""The optimiser by its class's name, and the learning rate as a function of the step alone."""

from __future__ import annotations

import importlib
import logging
import math
import re
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from ..errors import InputError
from .config.schema import Optimiser

log = logging.getLogger(__name__)

PARTS = {  # field of the config: the names of the weights that have its rate
    "scale_predictor_lr": re.compile(r"\bscale_predictor\."),
    "style_norm_lr": re.compile(r"\bstyle_kv\.\d+\.norm\.|\bsite_gains\."),
}
SHARE = "lr_share"  # of a parameter group: its learning rate, as a share of the schedule's


def make_optimiser(config: Optimiser, weights: Iterable[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
    """An optimiser of the named class; weights with a rate of their own are a group of their own.

    Args:
        weights: what is trained, by name.

    Raises:
        InputError: there is no such class, or it does not take these arguments.
    """
    cls = optimiser_class(config.name)
    try:
        return cls(_groups(config, weights), lr=config.lr, **config.args)
    except (TypeError, ValueError) as problem:
        raise InputError(
            f"The optimiser {config.name} does not take these arguments.",
            found=f"lr {config.lr}, {config.args}: {problem}",
            fix="correct optimiser.lr and optimiser.args",
        ) from problem


def _groups(config: Optimiser, weights: Iterable[tuple[str, nn.Parameter]]) -> list[dict[str, Any]]:
    groups: dict[float, list[nn.Parameter]] = {}
    parts = set()
    for name, weight in weights:
        part = next((field for field, names in PARTS.items() if names.search(name)), None)
        parts.add(part)
        groups.setdefault(getattr(config, part) if part else 1.0, []).append(weight)
    for field in PARTS:
        if field not in parts and getattr(config, field) != 1:
            log.info("optimiser.%s has no effect: no weight that it is for is trained", field)
    return [{"params": members, SHARE: share} for share, members in groups.items()]


def optimiser_class(name: str) -> Any:
    """The optimiser of that import path; raises InputError where there is none."""
    module_name, _, class_name = name.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, TypeError, ValueError) as problem:
        raise InputError(
            "The optimiser cannot be found.",
            found=f"optimiser.name: {name} ({problem})",
            expected="the import path of a class, such as torch.optim.AdamW",
            fix="correct the name, or install the package it is in",
        ) from problem
    if not (isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer)):
        raise InputError(
            "optimiser.name is not an optimiser.",
            found=f"optimiser.name: {name}, which is {cls!r}",
            expected="a class derived from torch.optim.Optimizer, such as torch.optim.AdamW",
            fix="correct optimiser.name",
        )
    return cls


def learning_rate(config: Optimiser, step: int, steps: int) -> float:
    """The learning rate of a step in 0 .. steps − 1.

    A linear rise over the warm-up, then constant, or down to `final_lr · lr` by the last step: on a line, or
    on half a cosine.
    """
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.lr
    done = (step - config.warmup_steps) / max(1, steps - 1 - config.warmup_steps)
    left = 1 - done if config.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2
    return config.lr * (config.final_lr + (1 - config.final_lr) * left)


def switch_mode(optimiser: Any, training: bool) -> None:
    """Optimisers that are free of schedules train other weights than those that are to be used.

    They say so by having the methods `train` and `eval`, which exchange the two; others are left alone.
    """
    switch = getattr(optimiser, "train" if training else "eval", None)
    if callable(switch):
        switch()


def set_learning_rate(optimiser: torch.optim.Optimizer, value: float) -> None:
    """Give every parameter group its share of this learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = value * group[SHARE]
