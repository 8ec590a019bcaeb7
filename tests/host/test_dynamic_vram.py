"""Everything that this pack loads, through layers that hold no weight until one is loaded (DynamicVRAM)."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import comfy.clip_vision
import comfy.model_management
import comfy.model_patcher
import comfy.ops
import pytest
import torch
from golden_video import GoldenVideo, place_files
from jobs import core, dual_guider, noise, run
from lazy_layers import build_lazily
from small_family import run_script
from torch import nn

pytestmark = pytest.mark.usefixtures("pack")

TOWER = Path(__file__).parents[1] / "golden" / "clip_a" / "open_clip_vision.safetensors"


@pytest.fixture
def lazily(monkeypatch):
    build_lazily(monkeypatch)


class Managed(comfy.model_patcher.ModelPatcher):
    """What the host would choose for its own networks under DynamicVRAM."""


@pytest.fixture
def managed(monkeypatch):
    monkeypatch.setattr(comfy.model_patcher, "CoreModelPatcher", Managed, raising=False)


def load_video(run_node: Any, temporal: str = "none") -> SimpleNamespace:
    """Model and adapter of the recorded job, loaded anew."""
    names = {"ckpt_name": "base.ckpt", "adapter_name": "adapter.pth", "temporal_name": temporal}
    model, _, _, adapter = run_node("StyleCrafterVideoModelLoader", **names)
    plain, *_ = run_node("StyleCrafterVideoModelLoader", **(names | {"adapter_name": "none"}))
    return GoldenVideo(model, plain, adapter, run_node)


def dtypes(module: nn.Module) -> set[torch.dtype]:
    return {parameter.dtype for parameter in module.parameters()}


def test_a_layer_holds_no_weight_before_it_is_loaded(lazily):
    layer = comfy.ops.manual_cast.Linear(3, 2)
    assert layer.weight is None
    layer.load_state_dict({"weight": torch.ones(2, 3), "bias": torch.zeros(2)})
    assert layer(torch.ones(1, 3)).tolist() == [[3, 3]]


@pytest.mark.parametrize("temporal", ["none", "temporal.pth"])
def test_the_video_model_samples_the_same_latent(host, run_node, monkeypatch, temporal):
    place_files(host)
    expected = run(dual_guider(load_video(run_node, temporal)), noise(4))
    build_lazily(monkeypatch)
    found = run(dual_guider(load_video(run_node, temporal)), noise(4))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_every_weight_has_the_models_dtype(host, run_node, lazily, monkeypatch, dtype):
    place_files(host)
    monkeypatch.setattr(comfy.model_management, "unet_dtype", lambda **_: dtype)
    monkeypatch.setattr(comfy.model_management, "unet_manual_cast", lambda *_: None)
    golden = load_video(run_node)
    assert dtypes(golden.model.model.diffusion_model) == {dtype}
    assert run(dual_guider(golden), noise(4)).isfinite().all()


def test_a_weight_that_is_missing_is_named(host, pack, run_node, lazily):
    place_files(host)
    path = host.models("checkpoints") / "without.ckpt"
    tensors = torch.load(host.models("checkpoints") / "base.ckpt", weights_only=True)["state_dict"]
    name = next(name for name in tensors if name.endswith("attn2.to_out.0.weight"))
    torch.save({"state_dict": {key: value for key, value in tensors.items() if key != name}}, path)
    with pytest.raises(Exception, match=r"1 missing: .*attn2\.to_out\.0\.weight"):
        run_node(
            "StyleCrafterVideoModelLoader",
            ckpt_name=path.name,
            adapter_name="none",
            temporal_name="none",
        )


def test_the_image_encoder_gives_the_same_tokens(pack, monkeypatch):
    vision = core(pack, "comfy_host.vision")
    picture = torch.rand(1, 224, 224, 3, generator=torch.Generator().manual_seed(0))
    expected = vision.encode_clip_tokens(vision.load_image_encoder(TOWER), picture, "video")
    build_lazily(monkeypatch)
    # As on a card: the host's encoder is built in half precision, and a file in single precision keeps it.
    monkeypatch.setattr(comfy.model_management, "text_encoder_dtype", lambda *_: torch.float16)
    encoder = vision.load_image_encoder(TOWER)
    assert dtypes(encoder.model) == {torch.float32}
    recorded = {
        getattr(layer, "weight_comfy_model_dtype", torch.float32) for layer in encoder.model.modules()
    }
    assert recorded == {torch.float32}
    found = vision.encode_clip_tokens(encoder, picture, "video")
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_a_new_adapter_starts_from_weights_that_came_late(host, pack, run_node, lazily):
    place_files(host)
    unet = load_video(run_node).model.model.diffusion_model
    new_adapter = core(pack, "training.host.new_adapter")
    spec = new_adapter.spec_for(unet, "video", clip_width=1280)
    tensors = new_adapter.create_tensors(spec, unet, seed=0)
    first = next(iter(core(pack, "comfy_host.networks").text_attentions(unet).values()))
    torch.testing.assert_close(tensors["style_kv.0.to_k.weight"], first.to_k.weight.float())


def test_the_host_chooses_what_manages_model_and_adapter(host, run_node, managed):
    place_files(host)
    golden = load_video(run_node)
    assert type(golden.model) is type(golden.plain) is type(golden.adapter.patcher) is Managed


def test_the_weights_can_be_had_once_more_without_dynamic_vram(host, run_node, managed):
    place_files(host)
    model = load_video(run_node, "temporal.pth").plain
    load, arguments = model.cached_patcher_init
    again = load(*arguments, disable_dynamic=True)
    assert type(again) is comfy.model_patcher.ModelPatcher
    first, second = (patcher.model.diffusion_model.state_dict() for patcher in (model, again))
    torch.testing.assert_close(second, first, atol=0, rtol=0)
    assert not {w.data_ptr() for w in first.values()} & {w.data_ptr() for w in second.values()}


@pytest.mark.skipif(
    "disable_dynamic" not in inspect.signature(comfy.model_patcher.ModelPatcher.clone).parameters,
    reason="this ComfyUI has no weights of another kind to change to",
)
def test_a_styled_model_that_the_host_changes_to_the_other_kind_samples_the_same(host, run_node, managed):
    place_files(host)
    golden = load_video(run_node)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Managed, "is_dynamic", lambda self: True)
        changed = golden.model.clone(disable_dynamic=True)
    assert type(changed) is comfy.model_patcher.ModelPatcher
    assert changed.model is not golden.model.model
    found, expected = (run(dual_guider(golden, model=model), noise(4)) for model in (changed, golden.model))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


@pytest.mark.launched
@pytest.mark.skipif(
    not hasattr(comfy.model_patcher, "ModelPatcherDynamic"), reason="this ComfyUI has no DynamicVRAM"
)
@pytest.mark.skipif(torch.version.cuda is None, reason="torch is built without CUDA")
def test_the_video_model_runs_on_a_card_where_dynamic_vram_has_its_weights(host):
    run_script("dynamic_card_run.py", host.path)
