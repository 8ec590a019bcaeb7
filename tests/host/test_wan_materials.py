"""The small Wan that the tiny configs for Wan train on: files that the host reads, and runs on them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import comfy.ldm.modules.attention
import pytest
import torch
from jobs import plain_guider
from launched import Launch, hashes
from refused import refused
from torch import Tensor
from training_materials import ROOT, decoding_in_this_process

if not hasattr(comfy.ldm.modules.attention, "wrap_attn"):
    pytest.skip("this ComfyUI cannot replace attention from outside", allow_module_level=True)

from golden_wan import velocity
from wan_files import is_umt5

SEED, STEPS = 3, 6


@pytest.fixture(scope="module")
def folder(
    core: Callable[[str], Any], lab: Callable[[str], ModuleType], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("tiny_wan")
    if not is_umt5(d_model=4096, d_ff=8):
        with refused(
            "HostError",
            what="This ComfyUI cannot load a small umT5",
            found="10240 wide",
            expected="one that knows it by its width",
            fix="COMFYUI_PATH",
        ):
            lab("materials.tiny_wan").make_tiny_wan(folder, SEED)
        pytest.skip("this ComfyUI knows umT5 by the width of its feed-forward layers")
    with decoding_in_this_process(core):
        lab("materials.tiny_wan").make_tiny_wan(folder, SEED)
    return folder


@pytest.fixture(scope="module")
def base(core: Callable[[str], Any], folder: Path) -> Any:
    """Loaded as the trainer loads it."""
    frozen = core("training.host.frozen_base")
    parts = frozen.SeparateParts(folder / "umt5.safetensors", folder / "wan_vae.safetensors")
    encoder = folder / "image_encoder.safetensors"
    return frozen.load_base(folder / "wan.safetensors", None, encoder, "float32", parts)


def test_the_text_encoder_has_the_sizes_of_its_file(base: Any) -> None:
    """The host's own umT5 would be 22 GB. A prompt is padded to 512 rows, of zeros."""
    (short, pooled), (long, _) = (base.encode_text(text) for text in ("a river", "a house by a river"))
    assert pooled is None
    assert short.shape == long.shape == (1, 512, 4096)
    rows = [int(text.any(-1).sum()) for text in (short, long)]
    assert 2 < rows[0] < rows[1] < 40
    assert not torch.allclose(short[0, 0], long[0, 0], atol=1e-3)


def test_the_autoencoder_tells_colours_and_brightness_apart(base: Any) -> None:
    def latents(*colour: float) -> Tensor:
        return base.encode_pixels(torch.tensor(colour).view(1, 3, 1, 1).expand(5, 3, 32, 32))

    black, grey, red = latents(0.0, 0.0, 0.0), latents(0.5, 0.5, 0.5), latents(0.9, 0.1, 0.1)
    assert black.shape == (2, 16, 4, 4)
    for one, other in ((black, grey), (grey, red)):
        assert (one - other).pow(2).mean().sqrt() > 0.1
    assert 0.2 < torch.stack([black, grey, red]).std() < 3
    latent = base.empty_latent(32, 32, 5, 1)
    assert base.decode(latent, 1).shape == (1, 5, 32, 32, 3)


def test_the_network_is_wan(base: Any) -> None:
    assert type(base.model.model).__name__ == "WAN21"
    assert (base.flow_shift, base.frames_per_latent, base.objective) == (8.0, 4, "flow matching")
    with torch.no_grad():
        x = torch.randn(1, 16, 1, 4, 4)
        answer = base.unet(x, torch.tensor([500.0]), torch.randn(1, 512, 4096))
    assert 0.1 < answer.std() < 1


@pytest.mark.parametrize("stage", ["style", "video"])
def test_the_tiny_configs_name_what_is_made(stage: str, core: Callable, folder: Path) -> None:
    config = core("training.config").load_config(ROOT / "configs" / f"tiny_wan_{stage}.yaml")
    base = config.base
    for named in (
        *(base.checkpoint, base.text_encoder, base.vae, base.image_encoder),
        *config.data.manifests,
    ):
        assert named.parent == Path("runs/tiny_wan")  # where the command writes when no other folder is named
        assert (folder / named.name).is_file()


@pytest.fixture(scope="module")
def launch(host: Any, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Launch]:
    """`launch(name)`: a short first stage on these files, in a process of its own."""
    settings = (
        f"run.steps={STEPS}",
        *("run.checkpoint_every=1", "run.validate_every=100", "run.sample_every=100"),
        *("samples.prompts=[]", "data.validation=0", "data.image_batch=1"),
        f"base.checkpoint={folder / 'wan.safetensors'}",
        f"base.text_encoder={folder / 'umt5.safetensors'}",
        f"base.vae={folder / 'wan_vae.safetensors'}",
        *("adapter.family=wan", "adapter.scale_depth=1", "objective.shift=5"),
    )
    runs = tmp_path_factory.mktemp("runs")
    return lambda name: Launch("style", "one process", folder, host.path, runs / name, settings)


@pytest.fixture(scope="module")
def whole(launch: Callable[[str], Launch]) -> Path:
    """The folder of a run that was left alone."""
    run = launch("whole")
    run.finish()
    return run.run_dir


@pytest.mark.launched
def test_a_killed_run_ends_in_the_same_bytes(launch: Callable[[str], Launch], whole: Path) -> None:
    broken = launch("broken")
    broken.kill(broken.start(), after_step=2, delay_s=0.0, number=signal.SIGKILL)
    assert max(broken.saved_steps()) < STEPS
    broken.finish("--resume")
    expected = hashes(whole)
    assert "adapter.safetensors" in expected
    assert hashes(broken.run_dir) == expected


@pytest.mark.launched
def test_a_trained_adapter_gives_the_trainers_velocity_in_the_nodes(
    core: Callable[[str], Any], base: Any, whole: Path, run_node: Callable[..., Any]
) -> None:
    file, trainer = (
        core("formats").read_adapter(whole / "adapter.safetensors"),
        core("training.host.styled_unet"),
    )
    assert bool(file.tensors["site_gains.weight"].any())
    random = torch.Generator().manual_seed(0)
    x, clip_tokens = torch.randn(1, 16, 1, 4, 4, generator=random), torch.randn(1, 17, 128, generator=random)
    text, _ = base.encode_text("a house by a river")
    sites = core("comfy_host.networks").sites_for(file.spec, base.unet)
    adapter = core("adapter").StyleAdapter.from_tensors(file.spec, file.tensors)
    model = trainer.StyledUNet(base.unet, adapter, sites, trainer.dual_attention)
    ones = torch.ones(1)
    with torch.no_grad():
        expected = model(trainer.Inputs(x, 500 * ones, text, clip_tokens, ones, None, 1, independent=False))
    hosted = core("comfy_host.adapter").HostAdapter.from_file(whole / "adapter.safetensors")
    [patched] = run_node("StyleCrafterPatchModel", model=base.model, adapter=hosted)
    request = {"style": hosted.encode(clip_tokens), "strength": 1.0, "start_at": 0.0, "end_at": 1.0}
    [styled] = run_node("StyleCrafterApplyStyle", conditioning=[[text, {}]], **request)
    found = velocity(plain_guider(patched, styled), x, 0.5)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    plain = velocity(plain_guider(base.model, [[text, {}]]), x, 0.5)
    assert not torch.allclose(found, plain, atol=1e-5)
