"""Every config in configs/ loads, says what it is for, and its launch lines are about itself."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from stylecrafter_core.training.config import Config, load_config

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
PROCESSES = 8  # that the published recipes ran on
# Steps, pictures a step, (width, height), first learning rate, noise offset: the published recipes.
PUBLISHED = {
    "video_style": (40_000, 256, (512, 512), 5e-5, 0.0),
    "video_temporal": (20_000, 128, (512, 320), 1e-5, 0.0),
    "sdxl_phase1": (80_000, 128, (512, 512), 5e-5, 0.0),
    "sdxl_phase2": (80_000, 64, (1024, 1024), 1e-5, 0.0),
    "sdxl_phase3": (40_000, 64, (1024, 1024), 1e-5, 0.05),
}
# A config that goes on from another one's result, and the field that says so.
GOES_ON = {
    "video_temporal": ("adapter", "video_style"),
    "small_temporal": ("adapter", "small_style"),
    "video_watermark_free": ("temporal", "video_temporal"),
    "sdxl_phase2": ("adapter", "sdxl_phase1"),
    "sdxl_phase3": ("adapter", "sdxl_phase2"),
    "wan_video": ("adapter", "wan_style"),
    "tiny_wan_video": ("adapter", "tiny_wan_style"),
}


@dataclass(frozen=True)
class Launch:
    """One launch line: who starts how many processes, the stage, and what it gives to train.py."""

    launcher: str
    processes: int
    stage: str
    config: str
    overrides: tuple[str, ...]


def named(name: str) -> Config:
    return load_config(next(path for path in CONFIGS if path.stem == name))


def header(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))]


def launches(path: Path) -> list[Launch]:
    found = []
    for line in header(path):
        if " train.py " not in line:
            continue
        words = shlex.split(line.lstrip("# ").removeprefix("Launch:"))
        start = words.index("train.py")
        launcher, rest = words[:start], words[start + 1 :]
        count = re.search(r"--(?:num_processes|nproc-per-node) (\d+)", " ".join(launcher))
        sets = [value for word, value in pairwise(rest) if word == "--set"]
        config = rest[rest.index("--config") + 1]
        found.append(Launch(launcher[0], int(count[1]) if count else 1, rest[0], config, tuple(sets)))
    return found


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_the_header_says_what_it_is_for(path: Path) -> None:
    for word in ("Purpose:", "Hardware:", "Result:", "Launch:"):
        (line,) = [line for line in header(path) if line.startswith(f"# {word}")]
        assert len(line.removeprefix(f"# {word}").strip()) > 20


def test_it_loads_as_each_launch_line_says(path: Path) -> None:
    assert launches(path)
    for launch in launches(path):
        assert launch.config == f"configs/{path.name}"
        config = load_config(path, launch.overrides)
        assert config.run.dir == Path("runs") / path.stem
        # FSDP2 is what torchrun is for, and needs it.
        assert (config.engine.kind == "fsdp2") == (launch.launcher == "torchrun")
        # Videos are what the second stage is for.
        videos = any("video" in name.stem or "clips" in name.stem for name in config.data.manifests)
        assert launch.stage == ("temporal" if videos else "style")


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_launch_line_has_the_published_batch(name: str) -> None:
    path = next(path for path in CONFIGS if path.stem == name)
    for launch in launches(path):
        config = load_config(path, launch.overrides)
        pictures = config.data.image_batch * config.optimiser.accumulation * launch.processes
        assert pictures == PUBLISHED[name][1]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_numbers(name: str) -> None:
    steps, _, size, lr, noise_offset = PUBLISHED[name]
    config = named(name)
    assert config.run.steps == steps
    assert (config.data.width, config.data.height) == size
    assert config.optimiser.lr == lr
    assert config.objective.noise_offset == noise_offset
    assert config.optimiser.args == {"weight_decay": 0.0, "fused": True}
    assert (config.data.style_short_side, config.data.style_crop_size) == (800, 512)
    assert (config.objective.drop_text, config.objective.drop_style) == (0.0, 0.0)


def test_second_stage_mixes_and_cools_as_published() -> None:
    config = named("video_temporal")
    data, optimiser = config.data, config.optimiser
    assert (data.frames, data.image_share, data.video_batch, data.image_batch) == (16, 0.2, 1, 16)
    assert (optimiser.schedule, optimiser.final_lr) == ("linear", 0.01)
    assert named("video_watermark_free").run.steps == 500


@pytest.mark.parametrize(("name", "field", "before"), [(n, *link) for n, link in GOES_ON.items()])
def test_it_goes_on_from_the_result_before(name: str, field: str, before: str) -> None:
    assert getattr(named(name).base, field) == named(before).run.dir / f"{field}.safetensors"


def test_new_adapters_are_of_the_published_sizes() -> None:
    """Nothing is given but the family; its sizes are tested on the U-Nets, tests/host/test_new_adapter.py."""
    for name, family in (("video_style", "video"), ("sdxl_phase1", "sdxl"), ("sd15_style", "unet")):
        config = named(name)
        assert config.base.adapter is None
        assert config.adapter.model_dump(exclude_none=True) == {"family": family}
