"""The recorded video job, as objects of the host."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from einops import rearrange
from safetensors.torch import load_file
from torch import Tensor

GOLDEN = Path(__file__).parents[1] / "golden" / "video_a"
CONFIG = json.loads((GOLDEN / "config.json").read_text())
EXPECTED = load_file(GOLDEN / "expected.safetensors")


def frames(video_BCTHW: Tensor) -> Tensor:
    """One recorded video [C, T, H, W] as the host has it: [T, C, H, W]."""
    return rearrange(video_BCTHW, "c t h w -> t c h w").contiguous()


@dataclass(frozen=True)
class GoldenVideo:
    """Model, adapter and the two nodes that matter, all through the pack's nodes."""

    model: Any
    plain: Any
    adapter: Any
    run_node: Callable[..., tuple]

    def text(self, b: int) -> list:
        return [[EXPECTED["text"][b : b + 1], {}]]

    def empty(self, b: int) -> list:
        return [[EXPECTED["empty"][b : b + 1], {}]]

    def style(self, b: int, references: slice = slice(0, 1)) -> Any:
        with torch.inference_mode():
            return self.adapter.encode(EXPECTED["clip_tokens"][b, references])

    def styled(self, b: int, references: slice = slice(0, 1), strength: float = 1.0, **more: float) -> list:
        settings = {"strength": strength, "start_at": 0.0, "end_at": 1.0} | more
        return self.run_node(
            "StyleCrafterApplyStyle",
            conditioning=self.text(b),
            style=self.style(b, references),
            **settings,
        )[0]

    def x(self, b: int) -> Tensor:
        return frames(EXPECTED["x"][b])

    def timestep(self, b: int) -> int:
        return int(EXPECTED["t"][b])


def place_files(host: Any) -> None:
    """The recorded weights where an artist would put them."""
    shutil.copy(GOLDEN / "base.ckpt", host.models("checkpoints") / "base.ckpt")
    for name in ("adapter.pth", "temporal.pth"):
        shutil.copy(GOLDEN / name, host.models("stylecrafter") / name)


@pytest.fixture(scope="session")
def golden(host: Any, pack: Any, run_node: Callable) -> GoldenVideo:
    """The base with its adapter, without the temporal file."""
    place_files(host)
    model, clip, vae, adapter = run_node(
        "StyleCrafterVideoModelLoader",
        ckpt_name="base.ckpt",
        adapter_name="adapter.pth",
        temporal_name="none",
    )
    assert clip is None, "the recorded base holds no text encoder"
    assert vae is None, "the recorded base holds no autoencoder"
    plain, *_ = run_node(
        "StyleCrafterVideoModelLoader", ckpt_name="base.ckpt", adapter_name="none", temporal_name="none"
    )
    return GoldenVideo(model, plain, adapter, run_node)
