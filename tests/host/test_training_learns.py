"""A short run learns: pictures of one colour each, whose prompt does not say which. Only the style does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STEPS = 90


@pytest.fixture(scope="module")
def walls(
    core: Callable[[str], Any], lab: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder: `base.safetensors` whose U-Net answers with its input, and `pictures.jsonl` of 60 colours."""
    from safetensors.torch import save_file
    from training_materials import decoding_in_this_process, write_walls

    folder = tmp_path_factory.mktemp("walls")
    networks, generator = lab("materials.networks"), core("training.randomness").generator
    spec = networks.unet_spec(64, 32)
    unet = networks.unet_tensors(spec, generator(0, "U-Net"))
    lab("materials.starting_point").answer_with_the_input(unet, spec)
    spatial, temporal = networks.published_unet(spec, unet)
    text = networks.text_tensors(generator(0, "text tower"))
    autoencoder = lab("materials.autoencoder").block_colour_autoencoder()
    base = networks.published_base(spatial | temporal, text, autoencoder)
    save_file({name: tensor.contiguous() for name, tensor in base.items()}, folder / "base.safetensors")
    pictures = folder / "pictures"
    write_walls(pictures)
    with decoding_in_this_process(core):
        core("training.data.prepare").prepare([pictures], folder / "pictures.jsonl")
    return folder


def test_the_right_style_gives_a_lower_loss_than_anothers(
    core, tiny_config, walls: Path, in_process: None
) -> None:
    config = tiny_config(
        "style",
        f"run.steps={STEPS}",
        f"run.validate_every={STEPS // 2}",
        f"base.checkpoint={walls / 'base.safetensors'}",
        f"data.manifests=['{walls / 'pictures.jsonl'}']",
        "data.width=32",
        "data.height=32",
        "data.image_batch=8",
        "data.validation=12",
        "optimiser.lr=0.003",
        "samples.steps=1",
        "samples.prompts=['a wall']",
    )
    config.run.dir.mkdir()
    engine = core("training.engine").make_engine(config.engine, True)
    setup = core("training.setup").set_up(core("training.stages").stage_of("style", config), config, engine)
    training = core("training.loop").Training(setup, engine)
    before = core("training.observe").Observer(setup, engine).validate()
    training.run(core("training.stop").StopRequest())
    lines = [json.loads(line) for line in (config.run.dir / "metrics.jsonl").read_text().splitlines()]
    after = [line for line in lines if line["kind"] == "validation"][-1]
    assert before["style_gain"] == 0.0, "a new adapter has no effect"
    assert before["loss"] == before["no_style"]
    assert after["loss"] < 0.9 * before["loss"]
    assert after["style_gain"] > after["style_gain_interval"] > 0
    assert after["style_gain"] > 0.05 * after["loss"]
