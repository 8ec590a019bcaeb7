"""Training on the host's Wan: gradients, what is trained is what the node runs, both stages, resume.

Wan's text encoder and autoencoder know one size only, far too large for a test: small ones stand in.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import comfy.ldm.modules.attention
import comfy.ldm.wan.model
import pytest
import torch
from golden_wan import EXPECTED, GoldenWan, velocity
from jobs import plain_guider
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from training_materials import write_walls

TEXT_DIM, TEXT_LEN = 128, 12
Core = Callable[[str], Any]


class SmallText:
    """Prompt states as umT5 gives them: a row for each word, then rows of zeros."""

    def __init__(self) -> None:
        self.cond_stage_model = nn.Linear(1, 1)

    def tokenize(self, text: str) -> list[str]:
        return [*text.split()[: TEXT_LEN - 1], "</s>"]

    def encode_from_tokens(self, words: list[str], return_pooled: bool) -> tuple[Tensor, None]:
        rows = torch.zeros(1, TEXT_LEN, TEXT_DIM)
        for index, word in enumerate(words):
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "little")
            rows[0, index] = torch.randn(TEXT_DIM, generator=torch.Generator().manual_seed(seed))
        return rows, None

    def encode_from_tokens_scheduled(self, words: list[str]) -> list:
        return [[self.encode_from_tokens(words, return_pooled=False)[0], {}]]


class SmallAutoencoder:
    """Mean colours of 8 × 8 pixels and 4 frames, the first frame by itself, as Wan's cuts them."""

    latent_channels = 16

    def __init__(self) -> None:
        self.first_stage_model = nn.Linear(1, 1)

    def encode(self, pixels_THW3: Tensor) -> Tensor:
        video = F.avg_pool2d(pixels_THW3.movedim(-1, 1), 8) * 2 - 1
        rest = video[1:].unflatten(0, (-1, 4)).mean(1) if len(video) > 1 else video[:0]
        frames = torch.cat([video[:1], rest]).repeat(1, 6, 1, 1)[:, :16]
        return frames.movedim(0, 1)[None]

    def decode(self, latents: Tensor) -> Tensor:
        """The mean colours as they are: [B, 16, T, h, w] to [B, 4 T - 3, 8 h, 8 w, 3]."""
        _, _, frames, height, width = latents.shape
        size = (4 * frames - 3, 8 * height, 8 * width)
        return (F.interpolate(latents[:, :3], size) / 2 + 0.5).movedim(1, -1)

    def temporal_compression_decode(self) -> int:
        return 4

    def spacial_compression_decode(self) -> int:
        return 8


@pytest.fixture(autouse=True)
def exact_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (comfy.ldm.modules.attention, comfy.ldm.wan.model):
        monkeypatch.setattr(module, "optimized_attention", comfy.ldm.modules.attention.attention_pytorch)


@pytest.fixture
def base(core: Core, golden_wan: GoldenWan, tiny_materials: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A frozen tiny Wan, which the trainer gets in place of one from files."""
    vision = core("comfy_host.vision").load_image_encoder(tiny_materials / "image_encoder.safetensors")
    vision.model.eval().requires_grad_(False)
    model = golden_wan.plain.clone()
    model.model.diffusion_model.requires_grad_(False)
    made = core("training.host.frozen_base").FrozenBase(
        "wan.safetensors", model, SmallText(), SmallAutoencoder(), vision
    )
    for module in ("training.setup", "training.fill_cache"):
        monkeypatch.setattr(core(module), "load", lambda _: made)
    return made


def new_adapter(core: Core, network: Any, gain: float) -> Any:
    new = core("training.host.new_adapter")
    spec = new.spec_for(network, "wan", clip_width=32, num_queries=3, depth=1, scale_width=16, scale_depth=1)
    tensors = new.create_tensors(spec, network, seed=3)
    tensors["site_gains.weight"] += gain
    return spec, tensors


def inputs_of(core: Core, dtype: torch.dtype) -> Any:
    generator = torch.Generator().manual_seed(1)
    return core("training.host.styled_unet").Inputs(
        noisy=EXPECTED["x"][:1].to(dtype),
        timesteps=EXPECTED["t"][:1],
        text=EXPECTED["text"][:1].to(dtype),
        clip_tokens=torch.randn(1, 5, 32, generator=generator).to(dtype),
        keeps_style=torch.ones(1, dtype=dtype),
        adm=None,
        num_frames=1,
        independent=False,
    )


def styled_network(core: Core, network: nn.Module, spec: Any, tensors: dict, dtype: torch.dtype) -> Any:
    module = core("training.host.styled_unet")
    adapter = core("adapter").StyleAdapter(spec)
    adapter.load_state_dict(tensors)
    sites = core("comfy_host.networks").sites_for(spec, network)
    return module.StyledUNet(network, adapter.to(dtype), sites, module.dual_attention)


@pytest.mark.parametrize("recomputes", [False, True])
def test_gradient_equals_finite_differences(core: Core, golden_wan: GoldenWan, recomputes: bool) -> None:
    """In float64, less the first layer, which the host computes in float32 and no gradient reaches."""
    network = copy.deepcopy(golden_wan.plain.model.diffusion_model).double().requires_grad_(False)
    network.patch_embedding.float()
    places = network.rope_encode
    network.rope_encode = lambda *args, **more: places(*args, **more).double()
    if recomputes:
        core("training.host.gradient_checkpointing").recompute_activations(network)
    model = styled_network(core, network, *new_adapter(core, network, gain=0.6), torch.float64)
    inputs = inputs_of(core, torch.float64)
    target = torch.randn(inputs.noisy.shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    weights = list(model.adapter.parameters())
    found = torch.autograd.grad(F.mse_loss(model(inputs), target), weights)
    directions = [
        torch.randn(weight.shape, generator=torch.Generator().manual_seed(index), dtype=torch.float64)
        for index, weight in enumerate(weights)
    ]

    def moved(step: float) -> Tensor:
        with torch.no_grad():
            for weight, direction in zip(weights, directions, strict=True):
                weight.add_(step * direction)
            return F.mse_loss(model(inputs), target)

    above, below = moved(1e-6), moved(-2e-6)
    numeric = float(above - below) / 2e-6
    analytic = sum(float((g * d).sum()) for g, d in zip(found, directions, strict=True))
    assert abs(numeric - analytic) < 1e-5 * abs(analytic)
    assert all(bool(gradient.any()) for gradient in found)


def test_the_node_gives_the_trainers_velocity(core: Core, golden_wan: GoldenWan) -> None:
    network = golden_wan.plain.model.diffusion_model
    spec, tensors = new_adapter(core, network, gain=0.6)
    inputs = inputs_of(core, torch.float32)
    with torch.no_grad():
        expected = styled_network(core, network, spec, tensors, torch.float32)(inputs)
    adapter = hosted(core, spec, tensors)
    [model] = golden_wan.run_node("StyleCrafterPatchModel", model=golden_wan.plain, adapter=adapter)
    style = adapter.encode(inputs.clip_tokens)
    found = velocity(plain_guider(model, golden_wan.styled(style=style)), golden_wan.x(), golden_wan.sigma())
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def hosted(core: Core, spec: Any, tensors: dict) -> Any:
    """The adapter as it travels on a socket."""
    formats = core("formats")
    file = formats.AdapterFile(spec, tensors, formats.compare({}, {}))
    return core("comfy_host.adapter").HostAdapter(file, "trained.safetensors")


@pytest.mark.parametrize("frames", [1, 5])
def test_samples_of_a_run_are_what_the_nodes_give(
    core: Core, base: Any, golden_wan: GoldenWan, frames: int
) -> None:
    module, run_node = core("training.host.styled_sampling"), golden_wan.run_node
    adapter = hosted(core, *new_adapter(core, base.unet, gain=0.6))
    tokens = torch.randn(1, 5, 32, generator=torch.Generator().manual_seed(2))
    scales, sampling = {"cfg_text": 3.0, "cfg_style": 2.0}, {"sampler_name": "euler", "steps": 2, "seed": 4}
    settings = module.SamplingSettings(32, 16, frames, strength=1.0, **scales, **sampling)
    found = module.sample_style(base, adapter, [tokens], ["a red disc"], settings)
    assert found.shape == (1, frames, 16, 32, 3)
    text, empty = ([[base.encode_text(prompt)[0], {}]] for prompt in ("a red disc", ""))
    style = {"style": adapter.encode(tokens), "strength": 1.0, "start_at": 0.0, "end_at": 1.0}
    [sampled] = run_node(
        "StyleCrafterSampler",
        model=run_node("StyleCrafterPatchModel", model=base.model, adapter=adapter)[0],
        positive=run_node("StyleCrafterApplyStyle", conditioning=text, **style)[0],
        negative=empty,
        latent_image=run_node("EmptyHunyuanLatentVideo", width=32, height=16, length=frames, batch_size=1)[0],
        **{"scheduler": "simple", "denoise": 1.0, **scales, **sampling},
    )
    torch.testing.assert_close(found, base.decode(sampled, 1), atol=1e-5, rtol=0)


def config_of(core: Core, materials: Path, folder: Path, name: str, *more: str) -> Any:
    settings = [
        f"run.dir={folder}",
        f"base.checkpoint={materials / 'base.safetensors'}",
        f"base.image_encoder={materials / 'image_encoder.safetensors'}",
        *("base.text_encoder=null", "base.vae=null", "base.dtype=float32", "engine.precision='no'"),
        f"data.manifests=['{materials / 'pictures.jsonl'}', '{materials / 'clips.jsonl'}']",
        *("data.width=32", "data.height=32", "data.style_short_side=64", "data.style_crop_size=48"),
        *("data.image_batch=2", "data.video_batch=1", "data.frames=5", "data.validation=2"),
        *("data.workers=0", "data.fps=null", "run.steps=3", "run.checkpoint_every=1"),
        *("optimiser.warmup_steps=0", "optimiser.accumulation=1", "adapter.num_queries=4"),
        *("adapter.depth=1", "adapter.scale_width=16", "adapter.scale_depth=1", "samples.prompts=[]"),
    ]
    root = Path(__file__).parents[2]
    return core("training.config").load_config(root / "configs" / f"{name}.yaml", [*settings, *more])


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.usefixtures("in_process")
def test_both_stages_and_resume(core: Core, base: Any, tiny_materials: Path, tmp_path: Path) -> None:
    """Pictures, then clips mixed with pictures from that adapter; a stopped run ends in the same bytes."""
    train, read = core("training.run").train, core("formats").read_adapter

    def finish(name: str, stage: str, config: str, *more: str, resume: bool = False) -> Path:
        folder = tmp_path / name
        settings = config_of(core, tiny_materials, folder, config, *more)
        assert train(stage, settings, resume=resume, cpu=True)
        return folder / "adapter.safetensors"

    pictures = finish("pictures", "style", "wan_style")
    assert bool(read(pictures).tensors["site_gains.weight"].any())
    start = f"base.adapter={pictures}"
    whole = finish("whole", "temporal", "wan_video", start)
    before, after = read(pictures).tensors, read(whole).tensors
    for name in ("site_gains.weight", "style_kv.0.to_v.bias"):
        assert not torch.equal(before[name], after[name]), name
    finish("broken", "temporal", "wan_video", start, "run.steps=1")
    assert sha256(finish("broken", "temporal", "wan_video", start, resume=True)) == sha256(whole)


def test_a_length_that_the_autoencoder_does_not_know(
    core: Core, base: Any, tiny_materials: Path, tmp_path: Path
) -> None:
    config = config_of(core, tiny_materials, tmp_path / "run", "wan_video", "data.frames=6")
    stage = core("training.stages").stage_of("temporal", config)
    with pytest.raises(Exception, match="no length that the base's autoencoder knows") as caught:
        core("training.setup").check_frames(stage, base, config)
    assert "set data.frames to 5" in str(caught.value)


def test_clips_become_fewer_latent_frames(base: Any) -> None:
    assert base.encode_pixels(torch.rand(5, 3, 16, 24)).shape == (2, 16, 2, 3)
    assert base.encode_pixels(torch.rand(1, 3, 16, 24)).shape == (1, 16, 2, 3)


@pytest.fixture
def walls(core: Core, tmp_path: Path, in_process: None) -> Path:
    """A manifest of pictures of one colour each, whose prompt does not say which. Only the style does."""
    folder = tmp_path / "walls"
    write_walls(folder)
    core("training.data.prepare").prepare([folder], tmp_path / "walls.jsonl")
    return tmp_path / "walls.jsonl"


def test_the_right_style_gives_a_lower_loss_than_anothers(
    core: Core, base: Any, tiny_materials: Path, walls: Path, tmp_path: Path
) -> None:
    """And the grid of the run is drawn by the real sampler."""
    config = config_of(
        core,
        tiny_materials,
        tmp_path / "run",
        "wan_style",
        f"data.manifests=['{walls}']",
        *("data.image_batch=8", "data.validation=12", "optimiser.lr=0.003"),
        *("run.steps=90", "run.validate_every=90", "run.sample_every=90", "run.checkpoint_every=90"),
        *("samples.prompts=['a wall']", "samples.steps=2"),
    )
    assert core("training.run").train("style", config, resume=False, cpu=True)
    lines = [json.loads(line) for line in (config.run.dir / "metrics.jsonl").read_text().splitlines()]
    after = [line for line in lines if line["kind"] == "validation"][-1]
    assert after["style_gain"] > after["style_gain_interval"] > 0
    assert after["style_gain"] > 0.02 * after["loss"]
    assert (config.run.dir / "samples" / "step-90.png").is_file()


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(("stage", "name"), [("style", "wan_style"), ("temporal", "wan_video")])
def test_preflight_passes(
    core: Core, base: Any, tiny_materials: Path, tmp_path: Path, stage: str, name: str
) -> None:
    grid = ("samples.prompts=['a red disc']", "samples.steps=2")
    config = config_of(core, tiny_materials, tmp_path / "run", name, "base.adapter=null", *grid)
    report = core("training.preflight").preflight(stage, config, cpu=True)
    assert report.passed, report.text
    assert "equal bit by bit" in report.text


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(("side", "channels"), [(8, 16), (16, 48)], ids=["Wan 2.1", "Wan 2.2"])
def test_the_room_for_latents_is_that_of_the_autoencoder(
    core: Core, base: Any, tiny_materials: Path, tmp_path: Path, side: int, channels: int
) -> None:
    """In float16: 12 pictures of 32 × 32 pixels; captions of pictures, of clips and of nothing."""
    base.vae.latent_channels = channels
    base.vae.spacial_compression_decode = lambda: side
    config = config_of(core, tiny_materials, tmp_path / "run", "wan_style")
    engine = core("training.engine").make_engine(config.engine, True)
    setup = core("training.setup").set_up(core("training.stages").stage_of("style", config), config, engine)
    latents = 12 * channels * (32 // side) ** 2
    texts = 25 * TEXT_LEN * TEXT_DIM
    assert core("training.preflight.room").cache_bytes(setup) == 2 * (latents + texts)


@pytest.fixture
def short_clips(core: Core, tmp_path: Path, in_process: None) -> Path:
    """A manifest of four clips of five frames: two latent frames each."""
    folder = tmp_path / "short"
    folder.mkdir()
    for number in range(4):
        frames = torch.rand(5, 32, 32, 3, generator=torch.Generator().manual_seed(number))
        core("media").write_video(frames, folder / f"{number}.mp4", format="mp4", frame_rate=8)
        (folder / f"{number}.txt").write_text(f"noise number {number}")
    core("training.data.prepare").prepare([folder], tmp_path / "short.jsonl")
    return tmp_path / "short.jsonl"


@pytest.mark.parametrize(
    ("name", "stage", "more", "kept", "shape"),
    [
        ("wan_style", "style", ["data.manifests=['{pictures}']"], 12, (2, 16, 1, 4, 4)),
        ("wan_video", "temporal", ["data.manifests=['{clips}']", "data.image_share=0"], 4, (1, 16, 2, 4, 4)),
    ],
)
def test_a_pass_reads_the_same_with_and_without_the_cache(
    core: Core,
    base: Any,
    tiny_materials: Path,
    short_clips: Path,
    tmp_path: Path,
    name: str,
    stage: str,
    more: list[str],
    kept: int,
    shape: tuple[int, ...],
) -> None:
    given = [one.format(pictures=tiny_materials / "pictures.jsonl", clips=short_clips) for one in more]
    given += ["base.adapter=null", "data.validation=0"]

    def set_up(config: Any) -> Any:
        engine = core("training.engine").make_engine(config.engine, True)
        return core("training.setup").set_up(core("training.stages").stage_of(stage, config), config, engine)

    def first_pass(setup: Any) -> Any:
        return setup.pass_maker.make(next(iter(setup.loader(0))))

    cache = tmp_path / "cache"
    plain_config, config = (
        config_of(core, tiny_materials, tmp_path / "run", name, f"data.cache={place}", *given)
        for place in ("null", cache)
    )
    plain = first_pass(set_up(plain_config))
    said = core("training.fill_cache").fill_cache(config, cpu=True)
    assert f"{kept} pictures and clips, {kept} of them new" in said
    setup = set_up(config)
    cached = first_pass(setup)
    assert plain.inputs.noisy.shape == shape
    assert not torch.equal(cached.inputs.noisy, plain.inputs.noisy), "float16 rounds: else it was not read"
    torch.testing.assert_close(cached.inputs.noisy, plain.inputs.noisy, atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(cached.inputs.text, plain.inputs.text, atol=2e-3, rtol=2e-3)
    kept_bytes = sum(
        entry.nbytes for file in cache.glob("*.safetensors") for entry in load_file(file).values()
    )
    assert core("training.preflight.room").cache_bytes(setup) == kept_bytes


@pytest.mark.usefixtures("in_process")
def test_clips_of_a_length_that_the_autoencoder_does_not_know_are_not_encoded(
    core: Core, base: Any, tiny_materials: Path, tmp_path: Path
) -> None:
    """The videos have ten frames, which are one clip of ten; the autoencoder knows five, nine, ..."""
    config = config_of(
        core,
        tiny_materials,
        tmp_path / "run",
        "wan_style",
        "data.frames=10",
        f"data.cache={tmp_path / 'cache'}",
    )
    assert "12 pictures and clips" in core("training.fill_cache").fill_cache(config, cpu=True)
