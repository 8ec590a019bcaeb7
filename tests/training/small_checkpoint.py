"""A small checkpoint for tests."""

from __future__ import annotations

import torch
from safetensors.torch import save_file

from stylecrafter_core.training.checkpoint import Progress

WEIGHTS = "adapter.safetensors"


def progress(step: int = 5, **changes) -> Progress:
    known = {
        "step": step,
        "optimiser": {
            "state": {"adapter.a.weight": {"step": torch.tensor(5.0), "exp_avg": torch.randn(2, 3)}},
            "param_groups": [{"params": ["adapter.a.weight"], "lr": 1e-3}],
        },
        "average": {},
        "averaged": 0,
    }
    return Progress(**(known | changes))


def write_weights(folder) -> None:
    save_file({"a": torch.ones(3)}, folder / WEIGHTS)


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
