"""A new adapter fits the U-Nets of the host, starts without effect, and passes through a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from golden_video import GoldenVideo
from probe import eps_single

# (the host's family, its U-Net's configuration beside what the family fixes)
SHAPES = {
    "SD15": {"context_dim": 768, "model_channels": 320, "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0]},
    "SD20": {"context_dim": 1024, "model_channels": 320, "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0]},
    "SDXL": {"context_dim": 2048, "model_channels": 320, "transformer_depth": [0, 0, 2, 2, 10, 10]},
}
GOLDEN = Path(__file__).parents[1] / "golden"
# (family, beginning of the key list's title, millions of parameters)
PUBLISHED = [
    ("video", "videocrafter_adapter", {"style_transformer": 60.4, "scale_predictor": 25.2, "style_kv": 25.6}),
    ("sdxl", "stylecrafter_sdxl_adapter", {}),
]
NUM_SITES = {"SD15": 16, "SD20": 16, "SDXL": 70}


def unet_of(name: str) -> Any:
    """The family's U-Net at its real size, without weights."""
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    shape = SHAPES[name]
    is_xl = name == "SDXL"
    levels = [1, 2, 4] if is_xl else [1, 2, 4, 4]
    heads = {"num_heads": 8} if name == "SD15" else {"num_head_channels": 64}
    return UNetModel(
        image_size=32,
        in_channels=4,
        out_channels=4,
        channel_mult=levels,
        num_res_blocks=[2] * len(levels),
        transformer_depth_middle=10 if is_xl else 1,
        transformer_depth_output=[0, 0, 0, 2, 2, 2, 10, 10, 10] if is_xl else [1] * 9 + [0] * 3,
        use_spatial_transformer=True,
        use_linear_in_transformer=name != "SD15",
        num_classes="sequential" if is_xl else None,
        adm_in_channels=2816 if is_xl else None,
        device="meta",
        **heads,
        **shape,
    )


@pytest.fixture(scope="session")
def core(pack: ModuleType) -> Callable[[str], Any]:
    """A module of the loaded pack's core."""
    import importlib

    return lambda name: importlib.import_module(f"{pack.__name__}.stylecrafter_core.{name}")


@pytest.mark.parametrize("name", SHAPES)
def test_every_site_of_a_full_size_unet_is_there(name: str, core: Callable) -> None:
    unet = unet_of(name)
    spec = core("training.host.new_adapter").spec_for(unet, "sdxl" if name == "SDXL" else "unet")
    assert len(spec.site_channels) == NUM_SITES[name]
    assert spec.context_dim == SHAPES[name]["context_dim"]
    assert core("comfy_host.networks").sites_for(spec, unet) == spec.sites
    if name == "SDXL":
        assert spec.sites == core("families").FAMILIES["sdxl"].published.sites


def published_shapes(family: str, title: str) -> dict[str, torch.Tensor]:
    """The published tensors of that title, without storage."""
    lists = json.loads((GOLDEN / f"official_{family}_keys.json").read_text())
    shapes = next(value for key, value in lists.items() if key.startswith(title))
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def published_unet(family: str, core: Callable) -> Any:
    """The U-Net that the family's adapter was published for, without weights."""
    if family == "sdxl":
        return unet_of("SDXL")
    tensors = published_shapes("video", "videocrafter_unet")
    named = {f"model.diffusion_model.{name}": tensor for name, tensor in tensors.items()}
    file = core("formats").TensorFile(named, {})
    spec = core("formats.readers").video_base_of(file, "model.ckpt").unet_spec
    return core("comfy_host.model").build_model(spec, torch.float32, None, "meta").diffusion_model


@pytest.mark.parametrize(("family", "title", "millions"), PUBLISHED, ids=["video", "sdxl"])
def test_on_a_published_base_it_has_the_published_sizes(
    family: str, title: str, millions: dict[str, float], core: Callable
) -> None:
    unet, tensors = published_unet(family, core), published_shapes(family, title)
    published = core("formats.readers").adapter_of(core("formats").TensorFile(tensors, {}), "published")
    spec = core("training.host.new_adapter").spec_for(unet, family)
    # Where the file does not say where its sites lie, their order is tested above.
    assert replace(spec, sites=published.spec.sites) == published.spec
    assert published.spec.sites in (spec.sites, None)
    module = core("adapter").StyleAdapter(spec, device="meta")
    official = core("formats").adapter_to_official(spec, module.state_dict())
    assert {name: t.shape for name, t in official.items()} == {name: t.shape for name, t in tensors.items()}
    for part, expected in millions.items():
        count = sum(weight.numel() for weight in getattr(module, part).parameters())
        assert count / 1e6 == pytest.approx(expected, abs=0.05)


def test_a_scale_predictor_of_another_width_projects(core: Callable) -> None:
    unet = unet_of("SD20")
    spec_for = core("training.host.new_adapter").spec_for
    own, other = spec_for(unet, "video"), spec_for(unet, "video", scale_width=64)
    assert (own.scale_predictor.width, own.scale_predictor.projects_inputs) == (1024, False)
    assert (other.scale_predictor.width, other.scale_predictor.projects_inputs) == (64, True)
    assert other.scale_predictor.projects_output
    assert not other.scale_predictor.text_first


@pytest.fixture
def new_adapter(family: Any, host: Any, core: Callable, run_node: Callable) -> tuple[Any, Any, dict]:
    """(loaded adapter, spec, tensors) of a new adapter for the family's tiny U-Net, through a file."""
    unet = family.plain.get_model_object("diffusion_model")
    make = core("training.host.new_adapter")
    spec = make.spec_for(unet, "unet", clip_width=32, num_queries=4, depth=1, scale_width=16, scale_depth=1)
    tensors = make.create_tensors(spec, unet, seed=0)
    core("formats").save_adapter(host.models("stylecrafter") / "new.safetensors", spec, tensors)
    (adapter,) = run_node("StyleCrafterAdapterLoader", adapter_name="new.safetensors")
    return adapter, spec, tensors


@pytest.fixture(params=["video", "sdxl"])
def family(request: pytest.FixtureRequest, golden: GoldenVideo, golden_sdxl: Any) -> Any:
    return golden if request.param == "video" else golden_sdxl


def test_it_passes_through_a_file(new_adapter: tuple) -> None:
    adapter, spec, tensors = new_adapter
    assert adapter.spec == spec
    loaded = adapter.module.state_dict()
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())


def test_style_k_and_v_start_as_those_of_the_text(new_adapter: tuple, family: Any, core: Callable) -> None:
    _, spec, tensors = new_adapter
    text = core("comfy_host.networks").text_attentions(family.plain.get_model_object("diffusion_model"))
    for index, site in enumerate(spec.sites):
        assert torch.equal(tensors[f"style_kv.{index}.to_k.weight"], text[site].to_k.weight)
        assert torch.equal(tensors[f"style_kv.{index}.to_v.weight"], text[site].to_v.weight)


def without_and_with(adapter: Any, family: Any, run_node: Callable) -> tuple[torch.Tensor, torch.Tensor]:
    """What the plain model predicts, and the patched one with a style of the adapter."""
    (model,) = run_node("StyleCrafterPatchModel", model=family.plain, adapter=adapter)
    with torch.inference_mode():
        style = adapter.encode(torch.randn(1, 5, 32))
    (styled,) = run_node(
        "StyleCrafterApplyStyle",
        conditioning=family.text(0),
        style=style,
        strength=1.0,
        start_at=0.0,
        end_at=1.0,
    )
    x, timestep = family.x(0), family.timestep(0)
    return (
        eps_single(family.plain, family.text(0), x, timestep),
        eps_single(model, styled, x, timestep),
    )


def test_it_starts_without_effect_bit_for_bit(new_adapter: tuple, family: Any, run_node: Callable) -> None:
    adapter, *_ = new_adapter
    without, styled = without_and_with(adapter, family, run_node)
    assert torch.equal(styled, without)


def test_it_has_an_effect_once_the_norm_has_learnt(
    new_adapter: tuple, family: Any, host: Any, core: Callable, run_node: Callable
) -> None:
    _, spec, tensors = new_adapter
    learnt = {name: torch.ones_like(t) if ".norm." in name else t for name, t in tensors.items()}
    core("formats").save_adapter(host.models("stylecrafter") / "learnt.safetensors", spec, learnt)
    (adapter,) = run_node("StyleCrafterAdapterLoader", adapter_name="learnt.safetensors")
    without, styled = without_and_with(adapter, family, run_node)
    assert not torch.allclose(styled, without, atol=1e-3)
