"""Options of a run that change how it trains, together, in a process of their own; and SDXL as the base."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import comfy.supported_models
import pytest
import torch
import yaml
from launched import Launch
from sdxl_files import FILES, TinyFamily, write_files

ALL_OPTIONS = (
    "run.steps=4",
    "run.validate_every=2",
    "run.sample_every=4",
    "data.bucket_step=16",
    "data.workers=2",
    "data.fps=4",
    "data.image_share=0.5",
    "objective.noise_offset=0.05",
    "objective.noise_gain=0.1",
    "objective.min_snr_gamma=5",
    "objective.drop_text=0.3",
    "objective.drop_style=0.3",
    "optimiser.name=torch.optim.RAdam",
    "optimiser.args={weight_decay: 0.01}",
    "optimiser.schedule=cosine",
    "optimiser.warmup_steps=2",
    "optimiser.ema=0.5",
    "engine.precision=bf16",
    "engine.gradient_checkpointing=true",
)


@pytest.mark.launched
def test_all_options_at_once(host, tiny_materials: Path, tmp_path: Path) -> None:
    tensorboard = importlib.util.find_spec("tensorboard") is not None
    settings = (*ALL_OPTIONS, f"run.tensorboard={str(tensorboard).lower()}")
    run = Launch("temporal", "one process", tiny_materials, host.path, tmp_path / "run", settings)
    run.finish()
    lines = [json.loads(line) for line in (run.run_dir / "metrics.jsonl").read_text().splitlines()]
    train = [line for line in lines if line["kind"] == "train"]
    assert [line["data"] for line in train] == ["video", "image", "video", "image"]
    assert [line["lr"] for line in train] == pytest.approx([5e-4, 1e-3, 1e-3, 1e-5])
    assert all(0 < line["loss"] < 10 for line in train)
    assert [line["step"] for line in lines if line["kind"] == "validation"] == [2, 4]
    assert (run.run_dir / "samples" / "step-4.mp4").is_file()
    assert (run.run_dir / "samples" / "step-4.png").is_file()
    assert any((run.run_dir / "tensorboard").glob("events*")) == tensorboard
    resolved = yaml.safe_load((run.run_dir / "config.yaml").read_text())
    assert resolved["optimiser"]["name"] == "torch.optim.RAdam"
    about = json.loads((run.run_dir / "environment.json").read_text())
    assert about["stage"] == "temporal"
    assert about["packages"]["torch"] == torch.__version__.partition("+")[0]


@pytest.fixture
def sdxl_config(host, run_node, tiny_config, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The tiny style config with a tiny SDXL checkpoint and its published-layout adapter."""
    monkeypatch.setattr(comfy.supported_models, "models", [TinyFamily, *comfy.supported_models.models])
    write_files(host, run_node)
    files = {
        "base.checkpoint": host.models("checkpoints") / FILES["ckpt_name"],
        "base.adapter": host.models("stylecrafter") / FILES["adapter_name"],
        "base.image_encoder": host.models("clip_vision") / FILES["encoder_name"],
    }
    named = [f"{name}={path}" for name, path in files.items()]
    return lambda *overrides: tiny_config("style", *named, *overrides)


def test_sdxl_trains_on_sizes_and_pooled_text(core, sdxl_config, in_process: None) -> None:
    """The base's own embedding of (height, width, crop, target) and the pooled text arrives, in float32."""
    config = sdxl_config("run.steps=2", "data.validation=2", "run.validate_every=2")
    config.run.dir.mkdir()
    engine = core("training.engine").make_engine(config.engine, True)
    stage = core("training.stages").stage_of("style", config)
    setup = core("training.setup").set_up(stage, config, engine)
    training = core("training.loop").Training(setup, engine)
    assert training.run(core("training.stop").StopRequest())
    samples = next(iter(setup.loader(0)))
    made = setup.pass_maker.make(samples)
    base = setup.base
    pooled = made.inputs.adm[:, : base.encode_text("x")[1].shape[1]]
    assert made.inputs.adm.dtype == torch.float32
    for row, sample in enumerate(samples):
        sizes = sample.sizes
        ids = (
            sizes.height,
            sizes.width,
            sizes.crop_top,
            sizes.crop_left,
            sizes.target_height,
            sizes.target_width,
        )
        embedded = torch.cat(
            [base.model.model.embedder(torch.tensor([float(side)])) for side in ids]
        ).flatten()
        assert torch.equal(made.inputs.adm[row, pooled.shape[1] :], embedded)
        assert torch.equal(pooled[row : row + 1], base.encode_text(sample.caption)[1])
    assert {(s.sizes.width, s.sizes.height) for s in samples} <= {(96, 80), (80, 112)}
    training.export()
    again = core("formats").read_adapter(config.run.dir / "adapter.safetensors")
    assert again.spec.family == "sdxl"
    assert not (config.run.dir / "temporal.safetensors").exists()


def test_stage_2_needs_a_video_base(core, sdxl_config, in_process: None) -> None:
    config = sdxl_config("method.joint=true", "data.image_share=1.0")
    stage = core("training.stages").stage_of("style", config)
    engine = core("training.engine").make_engine(config.engine, True)
    with pytest.raises(core("errors").MismatchError, match=r"no temporal blocks to train in tiny_sdxl"):
        core("training.setup").set_up(stage, config, engine)
