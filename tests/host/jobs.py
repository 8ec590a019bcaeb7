"""Short sampling jobs on a recorded network, with noise that the test chooses."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import comfy.samplers
import torch
from torch import Tensor

CFG_TEXT, CFG_STYLE, STEPS, SEED = 5.0, 3.0, 3, 11


def core(pack: ModuleType, name: str) -> ModuleType:
    """A module of the core as the host loaded it: `core(pack, "comfy_host.patch")`."""
    return importlib.import_module(f"{pack.__name__}.stylecrafter_core.{name}")


def noise(rows: int, height: int = 8, width: int = 8, seed: int = SEED) -> Tensor:
    """Reproducible noise [rows, 4, height, width]."""
    return torch.randn(rows, 4, height, width, generator=torch.Generator().manual_seed(seed))


def dual_guider(golden: Any, **changes: Any) -> Any:
    """A StyleCrafterGuider of the golden job; keywords replace its inputs."""
    inputs = {
        "model": golden.model,
        "positive": golden.styled(0),
        "negative": golden.empty(0),
        "cfg_text": CFG_TEXT,
        "cfg_style": CFG_STYLE,
    }
    return golden.run_node("StyleCrafterGuider", **(inputs | changes))[0]


def plain_guider(model: Any, positive: list, negative: list | None = None, cfg: float = 1.0) -> Any:
    """The host's own guider of one scale; at scale 1 it asks for `positive` alone."""
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(positive, positive if negative is None else negative)
    guider.set_cfg(cfg)
    return guider


def run(guider: Any, start: Tensor, sampler: str = "euler", scheduler: str = "ddim_uniform") -> Tensor:
    """The latent that a guider samples from `start`, over STEPS steps."""
    model_sampling = guider.model_patcher.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(model_sampling, scheduler, STEPS)
    sampler_object = comfy.samplers.sampler_object(sampler)
    with torch.inference_mode():
        return guider.sample(
            start, torch.zeros_like(start), sampler_object, sigmas, seed=SEED, disable_pbar=True
        )


def one_box(golden: Any, latent: dict[str, Any], **changes: Any) -> Tensor:
    """What StyleCrafterSampler makes of a latent; keywords replace its inputs."""
    inputs = {
        "model": golden.model,
        "positive": golden.styled(0),
        "negative": golden.empty(0),
        "latent_image": latent,
        "seed": SEED,
        "steps": STEPS,
        "cfg_text": CFG_TEXT,
        "cfg_style": CFG_STYLE,
        "sampler_name": "euler",
        "scheduler": "ddim_uniform",
        "denoise": 1.0,
    }
    return golden.run_node("StyleCrafterSampler", **(inputs | changes))[0]["samples"]


def relative_error(out: Tensor, expected: Tensor) -> float:
    """Largest difference over the largest value."""
    return float((out - expected).abs().max() / expected.abs().max())
