"""The recorded numbers of the published Wan adapter, through the nodes in a real host."""

from __future__ import annotations

from typing import Any

import comfy.samplers
import pytest
import torch
from golden_wan import CONFIG, EXPECTED, GUIDANCE, GoldenWan, end_latent, velocity
from jobs import core, plain_guider, relative_error
from torch import Tensor

SAMPLES = pytest.mark.parametrize("b", [0, 1])
LENGTHS = pytest.mark.parametrize("name", ["v", "v_image"])
SAMPLING = CONFIG["sampler"]


def start(golden: GoldenWan, name: str, b: int) -> Tensor:
    return EXPECTED["x" if name == "v" else "x_image"][b : b + 1]


def guided(golden: GoldenWan, b: int = 0, **changes: Any) -> Any:
    inputs = {"model": golden.model, "positive": golden.styled(b), "negative": golden.empty()} | GUIDANCE
    return golden.run_node("StyleCrafterGuider", **(inputs | changes))[0]


@SAMPLES
@LENGTHS
@pytest.mark.parametrize("condition", ["text", "empty"])
def test_the_unpatched_model(golden_wan: GoldenWan, condition: str, name: str, b: int) -> None:
    guider = plain_guider(golden_wan.plain, getattr(golden_wan, condition)(b))
    found = velocity(guider, start(golden_wan, name, b), golden_wan.sigma(b))
    expected = EXPECTED[f"{name}_{condition}_plain"][b : b + 1]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@SAMPLES
@LENGTHS
@pytest.mark.parametrize("condition", ["styled", "text", "empty"])
def test_every_pass(golden_wan: GoldenWan, condition: str, name: str, b: int) -> None:
    guider = plain_guider(golden_wan.model, getattr(golden_wan, condition)(b))
    found = velocity(guider, start(golden_wan, name, b), golden_wan.sigma(b))
    kind = "text_style" if condition == "styled" else f"{condition}_null"
    torch.testing.assert_close(found, EXPECTED[f"{name}_{kind}"][b : b + 1], atol=1e-5, rtol=0)


@SAMPLES
@LENGTHS
def test_guided(golden_wan: GoldenWan, name: str, b: int) -> None:
    found = velocity(guided(golden_wan, b), start(golden_wan, name, b), golden_wan.sigma(b))
    expected = EXPECTED[f"{name}_guided"][b : b + 1]
    assert relative_error(found, expected) < 1e-5


def test_several_references(golden_wan: GoldenWan) -> None:
    with torch.inference_mode():
        style = golden_wan.adapter.encode(EXPECTED["last_hidden_state"], EXPECTED["image_embeds"])
    guider = plain_guider(golden_wan.model, golden_wan.styled(0, style=style))
    found = velocity(guider, golden_wan.x(), golden_wan.sigma())
    torch.testing.assert_close(found, EXPECTED["ext_v_text0_style_concat"], atol=1e-5, rtol=0)


def test_keys_of_zeros(golden_wan: GoldenWan, host: Any, pack: Any, caplog: pytest.LogCaptureFixture) -> None:
    """What the published training script leaves behind: the loader says it, and the mean of V remains."""
    weights = torch.load(host.models("stylecrafter") / "stylemaster.ckpt", weights_only=True)
    dead = {
        name: torch.zeros_like(tensor) if ".k_img." in name or "norm_k_img" in name else tensor
        for name, tensor in weights.items()
    }
    torch.save(dead, host.models("stylecrafter") / "dead_k.ckpt")
    [adapter] = golden_wan.run_node("StyleCrafterAdapterLoader", adapter_name="dead_k.ckpt")
    assert "the same for every place of the picture" in caplog.text
    golden = GoldenWan(
        golden_wan.run_node("StyleCrafterPatchModel", model=golden_wan.plain, adapter=adapter)[0],
        golden_wan.plain,
        adapter,
        golden_wan.run_node,
    )
    for b in range(2):
        guider = plain_guider(golden.model, golden.styled(b))
        found = velocity(guider, golden.x(b), golden.sigma(b))
        expected = EXPECTED["ext_v_text_style_dead_k"][b : b + 1]
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_recorded_sigmas(golden_wan: GoldenWan) -> None:
    sampling = golden_wan.model.get_model_object("model_sampling")
    for steps, name in ((SAMPLING["steps"], "sigmas"), (50, "sigmas_50")):
        found = comfy.samplers.calculate_sigmas(sampling, "simple", steps)
        torch.testing.assert_close(found, EXPECTED[name], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["video", "image"])
def test_our_sampler(golden_wan: GoldenWan, name: str) -> None:
    noise = EXPECTED["x_T" if name == "video" else "x_T_image"]
    [latent] = golden_wan.run_node(
        "StyleCrafterSampler",
        model=golden_wan.model,
        positive=golden_wan.styled(),
        negative=golden_wan.empty(),
        latent_image={"samples": torch.zeros_like(noise)},
        seed=SAMPLING["seed"],
        steps=SAMPLING["steps"],
        sampler_name="euler",
        scheduler="simple",
        denoise=1.0,
        **GUIDANCE,
    )
    found = end_latent(golden_wan.model, latent["samples"])
    assert relative_error(found, EXPECTED[f"out_{name}"]) < 1e-4


def test_the_hosts_sampler_in_one_pass(golden_wan: GoldenWan) -> None:
    [latent] = golden_wan.run_node(
        "KSampler",
        model=golden_wan.model,
        positive=golden_wan.styled(),
        negative=golden_wan.empty(),
        latent_image={"samples": torch.zeros_like(EXPECTED["x_T"])},
        seed=SAMPLING["seed"],
        steps=SAMPLING["steps"],
        cfg=1.0,
        sampler_name="euler",
        scheduler="simple",
        denoise=1.0,
    )
    found = end_latent(golden_wan.model, latent["samples"])
    assert relative_error(found, EXPECTED["out_video_cfg1"]) < 1e-4


def test_strength_goes_from_the_null_style_to_the_style(golden_wan: GoldenWan, pack: Any) -> None:
    """0 is the unstyled pass; a half lies between, at every attention."""
    x, sigma = golden_wan.x(), golden_wan.sigma()
    none = velocity(plain_guider(golden_wan.model, golden_wan.styled(strength=0.0)), x, sigma)
    assert torch.equal(none, velocity(plain_guider(golden_wan.model, golden_wan.text()), x, sigma))
    text = EXPECTED["text"][:1]
    adapter = golden_wan.adapter
    site = adapter.ready_style(golden_wan.style(), text, 0.5, torch.float32).sites[0]
    ready = core(pack, "adapter").ReadyStyle((site,), (torch.full((1, 1, 1), 0.5),))
    q = torch.randn(1, 5, site.k.shape[-1])
    attended = core(pack, "adapter").style_attention(q, site, 3)
    found = core(pack, "adapter").add_style(torch.zeros_like(q), q, [(1, ready)], 0, 3)
    torch.testing.assert_close(found, (site.null + attended) / 2)


def test_a_host_that_cannot_replace_attention_is_told(pack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = core(pack, "comfy_host.networks")
    monkeypatch.setattr(core(pack, "comfy_host.releases"), "ATTENTION_CAN_BE_REPLACED", False)
    model = torch.nn.Module()
    model.text_embedding = torch.nn.Sequential(torch.nn.Linear(4, 4))
    block = torch.nn.Module()
    block.cross_attn = torch.nn.Module()
    block.cross_attn.k = torch.nn.Linear(4, 4)
    model.blocks = torch.nn.ModuleList([block])
    sites = tuple(networks.network_of(model).attentions(model))
    with pytest.raises(Exception, match="too old for a style adapter on Wan"):
        networks.injection_for(model, sites)
