"""How much memory and disk a run takes, against what is free."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil
import torch
from torch import nn

from ...columns import table
from ..data.found import IMAGE
from ..data.manifest import Item
from ..engine import Engine
from ..fill_cache import captions_of, latents_of
from ..setup import Setup
from ..stages import trainable
from .data_check import times
from .rehearsal import Rehearsal
from .report import Section, size

FLOAT32, FLOAT16 = 4, 2  # bytes
PER_WEIGHT_OF_ADAMW = 2  # values kept besides the weight


def memory(setup: Setup, engine: Engine) -> Section:
    """Weights, gradients, optimiser state and average in bytes, against the memory of the device.

    What the activations take is seen in the rehearsal. On the CPU the weights are loaded already, so only the
    rest must be free.
    """
    base = setup.base
    weights = {
        "U-Net and adapter": bytes_of(setup.model),
        "text encoder": bytes_of(base.clip.cond_stage_model),
        "VAE": bytes_of(base.vae.first_stage_model),
        "image encoder": bytes_of(base.clip_vision.model),
    }
    shared = engine.processes if setup.config.engine.kind == "fsdp2" else 1
    one = FLOAT32 * sum(weight.numel() for weight in trainable(setup.model).values()) // shared
    state = {"gradients": one, "optimiser, if it is AdamW": PER_WEIGHT_OF_ADAMW * one}
    if setup.config.optimiser.ema is not None:
        state["average"] = one
    on_cpu = engine.device.type == "cpu"
    needed = sum(state.values()) + (0 if on_cpu else sum(weights.values()))
    free = psutil.virtual_memory().available if on_cpu else torch.cuda.mem_get_info(engine.device)[0]
    rows = [("part", "bytes"), *((name, size(count)) for name, count in (weights | state).items())]
    lines = [table(rows), f"still to come: {size(needed)} and the activations; free: {size(free)}"]
    if needed > free:
        lines.append("not enough: train in bf16 with base.dtype: float16, use fsdp2, or a larger machine")
    return Section("Memory", "\n".join(lines), needed <= free)


def disk(setup: Setup, rehearsal: Rehearsal) -> Section:
    """What the run writes, from the sizes that the rehearsal had, against what is free."""
    run = setup.config.run
    kept = min(run.keep_checkpoints, times(run.steps, run.checkpoint_every)) + 1  # one is being written
    parts = {
        f"{kept} checkpoints at a time": kept * rehearsal.checkpoint_bytes,
        "samples": times(run.steps, run.sample_every) * rehearsal.samples_bytes,
        "metrics": run.steps * rehearsal.metrics_bytes,
    }
    needed, place = sum(parts.values()), parent_that_exists(run.dir)
    free = shutil.disk_usage(place).free
    rows = [("part", "bytes"), *((name, size(count)) for name, count in parts.items())]
    lines = [table(rows), f"needed: {size(needed)}; free in {place}: {size(free)}"]
    lines.append(_cache_line(setup))
    if needed > free:
        lines.append("not enough: free some room, or lower run.keep_checkpoints")
    return Section("Disk", "\n".join(lines), needed <= free)


def bytes_of(module: nn.Module) -> int:
    """Of all parameters and buffers."""
    tensors = (*module.parameters(), *module.buffers())
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def parent_that_exists(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _cache_line(setup: Setup) -> str:
    if setup.config.data.cache is not None:
        return f"latents and text states come from {setup.config.data.cache}"
    return f"`train.py cache` would take about {size(cache_bytes(setup))} and save the encoders' work"


def cache_bytes(setup: Setup) -> int:
    """Latents of pictures and clips, as far as they can be kept, and tokens of all captions in float16."""
    data, base = setup.data, setup.base
    entries = latents_of(data, setup.config.data, setup.sample_maker.cutting, base.frames_per_latent).values()
    pixels = sum(size[0] * size[1] * _latent_frames(setup, item) for item, size in entries)
    latents = pixels // base.pixels_per_latent * base.vae.latent_channels
    tokens = base.encode_text("")[0].numel()
    return FLOAT16 * (latents + tokens * len(captions_of(data)))


def _latent_frames(setup: Setup, item: Item) -> int:
    return 1 if item.kind == IMAGE else 1 + (setup.config.data.frames - 1) // setup.base.frames_per_latent
