"""What each stage trains and leaves alone, how a step is split, and that a node answers like the trainer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

PLACES = (
    *("input_blocks.0.1", "input_blocks.1.2", "input_blocks.3.2", "middle_block.2"),
    *("output_blocks.0.2", "output_blocks.1.2", "output_blocks.2.2", "output_blocks.3.2"),
)
BLOCK = ["attn.out.bias", "attn.out.weight", "attn.qkv.bias", "attn.qkv.weight", "ln_1.bias", "ln_1.weight"]
BLOCK += ["ln_2.bias", "ln_2.weight", "mlp.fc.bias", "mlp.fc.weight", "mlp.proj.bias", "mlp.proj.weight"]
TRUNK = ["ln_post.bias", "ln_post.weight", "ln_pre.bias", "ln_pre.weight", "queries.weight"]
HEAD = ["head.0.bias", "head.0.weight", "head.2.bias", "head.2.weight"]
ATTENTION = ["relative_position_k.weight", "relative_position_v.weight", "to_k.weight", "to_out.0.bias"]
ATTENTION += ["to_out.0.weight", "to_q.weight", "to_v.weight"]
LINEAR = ("weight", "bias")
FORWARD = [f"ff.net.{layer}.{part}" for layer in ("0.proj", "2") for part in LINEAR]
NORMS = [f"norm{number}.{part}" for number in (1, 2, 3) for part in LINEAR]


def style_transformer_names(depth: int) -> set[str]:
    blocks = [f"blocks.{number}.{name}" for number in range(depth) for name in BLOCK]
    return {f"adapter.style_transformer.{name}" for name in (*blocks, *TRUNK, "proj.weight")}


def scale_predictor_names(depth: int) -> set[str]:
    blocks = [f"blocks.{number}.{name}" for number in range(depth) for name in BLOCK]
    return {f"adapter.scale_predictor.{name}" for name in (*blocks, *TRUNK, *HEAD)}


def style_kv_names(sites: int) -> set[str]:
    parts = ("norm.bias", "norm.weight", "to_k.weight", "to_v.weight")
    return {f"adapter.style_kv.{site}.{part}" for site in range(sites) for part in parts}


def temporal_names() -> set[str]:
    inner = [f"attn{number}.{name}" for number in (1, 2) for name in ATTENTION] + FORWARD + NORMS
    outer = [f"{layer}.{part}" for layer in ("norm", "proj_in", "proj_out") for part in LINEAR]
    return {
        f"unet.{place}.{name}"
        for place in PLACES
        for name in (*outer, *(f"transformer_blocks.0.{name}" for name in inner))
    }


ADAPTER = style_transformer_names(2) | style_kv_names(7)
TRAINED = {
    ("style",): ADAPTER | scale_predictor_names(2),
    ("style", "method.gain=fixed"): ADAPTER,
    ("style", "method.fusion=attach"): style_transformer_names(2),
    ("style", "data.style_crop=centre"): ADAPTER | scale_predictor_names(2),
    ("style", "method.joint=true"): ADAPTER | scale_predictor_names(2) | temporal_names(),
    ("temporal",): temporal_names(),
    ("temporal", "method.temporal_stage=false"): set(),
}


@pytest.fixture
def training(
    core: Callable[[str], Any], tiny_config: Callable[..., Any], in_process: None, tmp_path: Path
) -> Callable[..., Any]:
    """`training(stage, *overrides)`: a run that is ready for its first step."""

    def make(name: str, *overrides: str) -> Any:
        config = tiny_config(name, "adapter.family=video", "adapter.scale_width=null", *overrides)
        config.run.dir.mkdir(exist_ok=True, parents=True)
        engine = core("training.engine").make_engine(config.engine, True)
        setup = core("training.setup").set_up(core("training.stages").stage_of(name, config), config, engine)
        return core("training.loop").Training(setup, engine)

    make.core, make.folder = core, tmp_path
    return make


@pytest.mark.parametrize("asked", TRAINED, ids=" ".join)
def test_trainable_names(training, asked: tuple[str, ...]) -> None:
    # Joint training on pictures alone, because the tiny style config names no videos: the names are the same.
    pictures_only = ("data.image_share=1.0",) if "method.joint=true" in asked else ()
    assert set(training(*asked, *pictures_only).trained) == TRAINED[asked]


def test_parameters_at_full_size(core, full_size_video_unet) -> None:
    """The paper's numbers: 111.2 M in stage 1, 278.6 M in stage 2."""
    new, stages = core("training.host.new_adapter"), core("training.stages")
    spec = new.spec_for(full_size_video_unet, "video")
    with torch.device("meta"):
        adapter = core("adapter").StyleAdapter(spec)
    styled = core("training.host.styled_unet")
    model = styled.StyledUNet(full_size_video_unet, adapter, spec.sites, styled.dual_attention)
    counts = {}
    for name in ("style", "temporal"):
        stage = stages.Stage(name, name == "style", name == "temporal")
        config = SimpleNamespace(method=core("training.config.schema").Method())
        modules = stages.trained_modules(stage, model, config)
        counts[name] = sum(weight.numel() for module in modules for weight in module.parameters())
    assert round(counts["style"] / 1e6, 1) == 111.2
    assert round(counts["temporal"] / 1e6, 1) == 278.6


@pytest.fixture(scope="module")
def full_size_video_unet(core) -> Any:
    keys = json.loads((Path(__file__).parents[1] / "golden" / "official_video_keys.json").read_text())
    shapes = next(value for name, value in keys.items() if name.startswith("videocrafter_unet"))
    tensors = {f"model.diffusion_model.{n}": torch.empty(s, device="meta") for n, s in shapes.items()}
    base = core("formats.readers").video_base_of(core("formats").TensorFile(tensors, {}), "model.ckpt")
    return core("comfy_host.model").build_model(base.unet_spec, torch.float32, None, "meta").diffusion_model


def weights_of(model: Any) -> dict[str, bytes]:
    return {name: tensor.contiguous().numpy().tobytes() for name, tensor in model.state_dict().items()}


IN_TEMPORAL = rf"unet\.({'|'.join(map(re.escape, PLACES))})\."


@pytest.mark.parametrize(("name", "changing"), [("style", r"adapter\."), ("temporal", IN_TEMPORAL)])
def test_a_stage_changes_its_own_weights_only(core, training, name: str, changing: str) -> None:
    """Frozen weights are the same bytes after the steps; every trained one has moved."""
    run = training(name, "run.steps=4", "data.image_share=0.5", "samples.prompts=[]")
    frozen = frozen_encoders(run)
    before = weights_of(run.setup.model)
    if name == "temporal":  # as after a first stage: without effect, a norm at zero passes no gradient on
        assert not any(weight.requires_grad for weight in run.setup.model.adapter.parameters())
    run.run(core("training.stop").StopRequest())
    after = weights_of(run.setup.model)
    changed = {weight for weight in after if after[weight] != before[weight]}
    assert changed == {weight for weight in run.trained if after[weight] != before[weight]}
    assert all(re.match(changing, weight) for weight in changed)
    assert len(changed) > 0.6 * len(run.trained)
    assert frozen_encoders(run) == frozen


def frozen_encoders(run: Any) -> list[dict[str, bytes]]:
    base = run.setup.base
    return [
        weights_of(part)
        for part in (base.vae.first_stage_model, base.clip.cond_stage_model, base.clip_vision.model)
    ]


def trained_after(core, training, *overrides: str) -> dict[str, Tensor]:
    run = training(
        "style",
        "run.steps=3",
        "samples.prompts=[]",
        "data.validation=0",
        "run.dir=" + overrides[0],
        *overrides[1:],
    )
    run.run(core("training.stop").StopRequest())
    return {name: weight.detach().clone() for name, weight in run.trained.items()}


def test_two_passes_of_two_are_one_pass_of_four(core, training, tmp_path: Path) -> None:
    whole = trained_after(core, training, str(tmp_path / "a"), "data.image_batch=4")
    split = trained_after(
        core, training, str(tmp_path / "b"), "data.image_batch=2", "optimiser.accumulation=2"
    )
    # AdamW divides a gradient by its own size: a rounding difference near zero is a step of up to lr.
    for name, weight in whole.items():
        assert (weight - split[name]).abs().mean() < 2e-6, name
        assert (weight - split[name]).abs().max() < 2e-3, name


def test_the_node_gives_the_trainers_own_prediction(core, training, run_node, host) -> None:
    """The exported adapter, loaded by its node and patched into the MODEL, predicts what was trained."""
    run = training("style", "run.steps=6", "optimiser.lr=0.01", "samples.prompts=[]")
    run.run(core("training.stop").StopRequest())
    run.export()
    made = run.setup.pass_maker.make(next(iter(run.setup.loader(0))))
    with torch.no_grad():
        expected = run.setup.model(made.inputs)
    (host.models("stylecrafter") / "trained.safetensors").write_bytes(
        (run.config.run.dir / "adapter.safetensors").read_bytes()
    )
    adapter = run_node("StyleCrafterAdapterLoader", adapter_name="trained.safetensors")[0]
    model = run_node("StyleCrafterPatchModel", model=run.setup.base.model, adapter=adapter)[0]
    for row in range(2):
        found = predicted_by_nodes(core, run, model, adapter, made.inputs, row)
        assert (found - expected[row]).abs().max() < 1e-5 * max(1.0, expected.abs().max().item())
    plain = predicted_by_nodes(core, run, run.setup.base.model, None, made.inputs, 0)
    assert (plain - expected[0]).abs().max() > 1e-4, "the style has an effect"


def predicted_by_nodes(core, run: Any, model: Any, adapter: Any, inputs: Any, row: int) -> Tensor:
    """ε of one row through the host's own batching of conditions."""
    import comfy.samplers

    schedule = run.setup.pass_maker.schedule
    alpha = schedule.alphas_cumprod[inputs.timesteps[row].long()]
    sigma = ((1 - alpha) / alpha).sqrt()
    conditioning = [[inputs.text[row : row + 1], {}]]
    if adapter is not None:
        style = adapter.encode(inputs.clip_tokens[row : row + 1])
        request = core("comfy_host.conditioning").StyleRequest(style, 1.0, 0.0, 1.0)
        conditioning = core("comfy_host.conditioning").apply_style(conditioning, request)
    noisy = inputs.noisy[row : row + 1] / alpha.sqrt()
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(conditioning, conditioning)
    guider.set_cfg(1.0)
    seen: list[Tensor] = []

    class OneStep(comfy.samplers.Sampler):
        def sample(self, model_wrap, sigmas, extra_args, callback, noise, *rest, **more):
            denoised = model_wrap(noisy, sigma[None], **extra_args)
            seen.append((noisy - denoised) / sigma)
            return denoised

    guider.sample(noisy, torch.zeros_like(noisy), OneStep(), torch.tensor([sigma, 0.0]), seed=0)
    return seen[0][0]


def test_without_a_temporal_stage_the_base_is_written_unchanged(core, training) -> None:
    run = training("temporal", "method.temporal_stage=false")
    assert run.trained == {}
    run.export()
    formats = core("formats")
    written = formats.read_temporal(run.config.run.dir / "temporal.safetensors").tensors
    base = core("training.host.frozen_base").temporal_tensors(run.setup.base.unet)
    assert written.keys() == base.keys()
    assert all(torch.equal(written[name], base[name]) for name in base)


def test_a_loss_that_counts_nothing_is_none(core, training, tiny_materials: Path, monkeypatch) -> None:
    """A file that breaks in the middle of a run is left out and counted; the run goes on."""
    run = training("style", "run.steps=2", "samples.prompts=[]", "data.validation=0")
    media_error = core("errors").MediaError

    def broken(data: bytes, at_least: Any = None) -> Tensor:
        raise media_error("it broke.")

    monkeypatch.setattr(core("training.data.samples"), "decode_picture", broken)
    assert run.run(core("training.stop").StopRequest())
    lines = [json.loads(line) for line in (run.config.run.dir / "metrics.jsonl").read_text().splitlines()]
    assert [line["loss"] for line in lines] == [None, None]
    assert [line["left_out"] for line in lines] == [2, 2]
    assert all(math.isfinite(weight.abs().max()) for weight in run.trained.values())


def test_a_checkpoint_holds_what_is_trained_and_the_result_both_files(training) -> None:
    for name, file in (("style", "adapter.safetensors"), ("temporal", "temporal.safetensors")):
        made = training(name, "run.steps=1", "data.validation=0", f"run.dir={training.folder / name}")
        stop = training.core("training.stop").StopRequest()
        assert made.run(stop)
        saved = {path.name for path in made.checkpoints.latest().glob("*.safetensors")}
        assert saved == {file, "optimiser.safetensors"}
        made.export()
        written = {path.name for path in made.config.run.dir.glob("*.safetensors")}
        assert written == {"adapter.safetensors", "temporal.safetensors"}


def test_an_optimiser_free_of_schedules_goes_on_to_the_same_bits(training) -> None:
    """Checkpoint and result hold the weights that are to be used; a resumed run ends like one left alone."""
    settings = (
        "optimiser.name=odd_optimisers.ScheduleFreeSGD",
        "optimiser.args={}",
        "run.checkpoint_every=1",
        "optimiser.lr=0.01",
    )
    ends = {}
    for name, stops in (("whole", (4,)), ("parts", (2, 4))):
        for steps in stops:
            folder = f"run.dir={training.folder / name}"
            made = training("style", *settings, f"run.steps={steps}", "data.validation=0", folder)
            made.resume()
            assert made.run(training.core("training.stop").StopRequest())
            made.export()
        ends[name] = (
            training.core("formats").read_adapter(made.config.run.dir / "adapter.safetensors").tensors
        )
    assert all(torch.equal(weight, ends["parts"][name]) for name, weight in ends["whole"].items())
    saved = training.core("formats").read_adapter(made.checkpoints.latest() / "adapter.safetensors").tensors
    assert all(torch.allclose(weight, ends["parts"][name]) for name, weight in saved.items())


class Rank:
    """One of two processes, which gathers nothing: what it would have sent is returned."""

    processes, device = 2, torch.device("cpu")

    def __init__(self, rank: int):
        self.rank = rank

    def gather(self, values: Tensor) -> Tensor:
        return torch.cat([values, values])


def test_validation_encodes_each_style_once_and_is_shared_out(training, monkeypatch) -> None:
    """Batches of any size give the losses of single passes; two processes compute half each."""
    made = training("style", "data.validation=3", "base.adapter=null")
    base = training.core("training.host.frozen_base").FrozenBase
    encode, seen = base.encode_style, []
    monkeypatch.setattr(base, "encode_style", lambda self, *a: seen.append(1) or encode(self, *a))
    with torch.no_grad():
        made.trained["adapter.style_kv.0.norm.weight"].fill_(1.0)
    observer = training.core("training.observe").Observer(made.setup, made.engine)
    count = len(observer.samples)
    assert (count, len(seen)) == (2, 2)
    validation, predict = observer.validation, observer._predict
    whole = validation.run(predict, made.engine)
    losses = torch.stack([validation._losses(predict, index) for index in range(count)])
    validation.batch = 1
    single = torch.stack([validation._losses(predict, index) for index in range(count)])
    torch.testing.assert_close(losses, single, rtol=1e-4, atol=1e-6)
    assert (single[:, 0] - single[:, 2]).abs().max() > 1e-5, "the style has an effect"
    assert whole["loss"] == pytest.approx(single[:, 0].mean().item(), rel=1e-4)
    assert whole["shuffled_style"] == pytest.approx(single[:, 1].mean().item(), rel=1e-4)
    assert whole["no_style"] == pytest.approx(single[:, 2].mean().item(), rel=1e-4)
    assert len(seen) == 2, "no style is encoded again"
    halves = [validation._shared_out(predict, Rank(rank))[0] for rank in (0, 1)]
    torch.testing.assert_close(torch.stack(halves), single)


def test_few_videos_are_told_and_grids_are_clips_all_the_same(training, caplog) -> None:
    made = training("temporal", "data.validation=1")
    observer = training.core("training.observe").Observer(made.setup, made.engine)
    assert "Validation is on pictures: 1 videos are held out" in caplog.text
    assert observer.kind == "image"
    assert observer.settings().num_frames == 4
