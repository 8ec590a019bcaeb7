"""Ways in which the host runs a model, and in which artists use a sampler twice or on a part of a picture."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import comfy.model_patcher
import execution
import pytest
import torch
from comfy_api.torch_helpers import set_torch_compile_wrapper
from golden_video import GoldenVideo
from jobs import CFG_STYLE, CFG_TEXT, dual_guider, noise, one_box, relative_error, run
from safetensors.torch import load_file, save_file
from torch import Tensor

WEIGHTS = Path(__file__).parents[2] / "weights"
FRAMES, SIDE = 4, 64
BLOCK = "diffusion_model.middle_block.1.transformer_blocks.0"


@pytest.mark.parametrize("share", ["nothing", "half"])
def test_a_card_with_little_memory(golden: GoldenVideo, monkeypatch: pytest.MonkeyPatch, share: str) -> None:
    """What --lowvram and --novram do: layers stay behind and are cast for each call, the adapter's too."""
    expected = run(dual_guider(golden), noise(4))
    load, lowered = comfy.model_patcher.ModelPatcher.load, []

    def load_little(self: Any, *arguments: Any, **more: Any) -> Any:
        room = 1 if share == "nothing" else self.model_size() // 2
        lowered.append(type(self.model).__name__)
        return load(self, *arguments, **{**more, "lowvram_model_memory": room, "full_load": False})

    monkeypatch.setattr(comfy.model_patcher.ModelPatcher, "load", load_little)
    comfy.model_management.unload_all_models()
    try:
        out = run(dual_guider(golden), noise(4))
    finally:
        comfy.model_management.unload_all_models()
    assert {"VideoModel", "StyleAdapter"} <= set(lowered)
    assert relative_error(out, expected) < 1e-5


def test_a_compiled_model(golden: GoldenVideo) -> None:
    """torch.compile as the host does it, of one block; the backend "eager" runs what was traced."""
    compiled = golden.model.clone()
    set_torch_compile_wrapper(model=compiled, backend="eager", keys=[BLOCK])
    expected = run(dual_guider(golden), noise(4))
    assert relative_error(run(dual_guider(golden, model=compiled), noise(4)), expected) < 1e-5


def test_a_second_pass_at_a_larger_size(golden: GoldenVideo, run_node: Callable) -> None:
    """The first latent scaled up, then sampled again from the middle: the style acts in both passes."""
    (small,) = run_node("StyleCrafterEmptyVideoLatent", width=64, height=64, frames=FRAMES, batch_size=1)
    first = {**small, "samples": one_box(golden, small)}
    (large,) = run_node("LatentUpscaleBy", samples=first, upscale_method="nearest-exact", scale_by=1.5)
    assert large["samples"].shape[-2:] == (12, 12)
    styled = one_box(golden, large, denoise=0.5)
    assert styled.shape == (FRAMES, 4, 12, 12)
    assert relative_error(styled, one_box(golden, large, denoise=0.5, positive=golden.text(0))) > 1e-3


@pytest.fixture(scope="module")
def small(host: Any, pack: Any, run_node: Callable) -> dict[str, Any]:
    """The small family's model, VAE and conditionings; its weights come with the pack."""
    for folder, name in (("checkpoints", ""), ("stylecrafter", "_adapter"), ("clip_vision", "_clip_vision")):
        file = f"stylecrafter_small{name}.safetensors"
        save_file(load_file(WEIGHTS / file), host.models(folder) / file, _notes(WEIGHTS / file))
    model, clip, vae, adapter = run_node(
        "StyleCrafterVideoModelLoader",
        ckpt_name="stylecrafter_small.safetensors",
        adapter_name="stylecrafter_small_adapter.safetensors",
        temporal_name="none",
    )
    (encoder,) = run_node(
        "StyleCrafterImageEncoderLoader", encoder_name="stylecrafter_small_clip_vision.safetensors"
    )
    reference = torch.rand(1, SIDE, SIDE, 3, generator=torch.Generator().manual_seed(1))
    (style,) = run_node("StyleCrafterEncodeStyle", adapter=adapter, clip_vision=encoder, images=reference)
    (text,) = run_node("CLIPTextEncode", clip=clip, text="a red square")
    (negative,) = run_node("CLIPTextEncode", clip=clip, text="")
    (positive,) = run_node(
        "StyleCrafterApplyStyle", conditioning=text, style=style, strength=1.0, start_at=0.0, end_at=1.0
    )
    return {"model": model, "vae": vae, "positive": positive, "negative": negative}


def graph(prefix: str) -> dict[str, dict[str, Any]]:
    """The whole way with the small family: pictures to a style, prompt, sampler, saved latent."""
    nodes: dict[str, tuple[str, dict[str, Any]]] = {
        "model": (
            "StyleCrafterVideoModelLoader",
            {
                "ckpt_name": "stylecrafter_small.safetensors",
                "adapter_name": "stylecrafter_small_adapter.safetensors",
                "temporal_name": "none",
            },
        ),
        "encoder": (
            "StyleCrafterImageEncoderLoader",
            {"encoder_name": "stylecrafter_small_clip_vision.safetensors"},
        ),
        "picture": ("EmptyImage", {"width": SIDE, "height": SIDE, "batch_size": 1, "color": 0x30A060}),
        "style": (
            "StyleCrafterEncodeStyle",
            {"adapter": ["model", 3], "clip_vision": ["encoder", 0], "images": ["picture", 0]},
        ),
        "text": ("CLIPTextEncode", {"clip": ["model", 1], "text": "a red square"}),
        "empty": ("CLIPTextEncode", {"clip": ["model", 1], "text": ""}),
        "styled": (
            "StyleCrafterApplyStyle",
            {
                "conditioning": ["text", 0],
                "style": ["style", 0],
                "strength": 1.0,
                "start_at": 0.0,
                "end_at": 1.0,
            },
        ),
        "latent": (
            "StyleCrafterEmptyVideoLatent",
            {"width": SIDE, "height": SIDE, "frames": FRAMES, "batch_size": 1},
        ),
        "sampled": (
            "StyleCrafterSampler",
            {
                **{"model": ["model", 0], "positive": ["styled", 0], "negative": ["empty", 0]},
                **{"latent_image": ["latent", 0], "seed": 1, "steps": 2, "denoise": 1.0},
                **{"cfg_text": CFG_TEXT, "cfg_style": CFG_STYLE},
                **{"sampler_name": "euler", "scheduler": "ddim_uniform"},
            },
        ),
        "end": ("SaveLatent", {"samples": ["sampled", 0], "filename_prefix": prefix}),
    }
    return {name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in nodes.items()}


def cache_settings(name: str) -> dict[str, Any]:
    """What the host gives its executor; older ones have another name for --cache-none."""
    kinds = execution.CacheType
    kind = getattr(kinds, name, None) or kinds.DEPENDENCY_AWARE
    takes_arguments = "cache_args" in inspect.signature(execution.PromptExecutor).parameters
    return {
        "cache_type": kind,
        **({"cache_args": {"lru": 0, "ram": 0, "ram_inactive": 0}} if takes_arguments else {}),
    }


def test_a_host_that_keeps_nothing_between_nodes(
    small: dict[str, Any], host: Any, run_node: Callable
) -> None:
    """--cache-none: no output is kept for the next job, and the next job gives the same."""
    for node in ("SaveLatent", "EmptyImage"):
        with contextlib.suppress(TypeError):
            run_node(node)  # so that the host's extra nodes are there
    latents = []
    for cache in ("CLASSIC", "NONE"):
        server = SimpleNamespace(client_id=None, last_node_id=None, send_sync=lambda *_: None)
        executor = execution.PromptExecutor(server, **cache_settings(cache))
        for job in range(2):
            prefix = f"modes/{cache}_{job}"
            executor.execute(graph(prefix), prefix, {}, ["end"])
            assert executor.success, executor.status_messages
            (file,) = (host.output / "modes").glob(f"{cache}_{job}*.latent")
            latents.append(load_file(file)["latent_tensor"])
    for latent in latents[1:]:
        assert torch.equal(latent, latents[0])


def _notes(file: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened:
        return opened.metadata() or {}


@pytest.mark.parametrize("way", ["SetLatentNoiseMask", "VAEEncodeForInpaint", "InpaintModelConditioning"])
def test_a_part_of_a_video_is_painted_anew(small: dict[str, Any], run_node: Callable, way: str) -> None:
    """By each of the host's three ways, with a soft mask's node on the model: outside nothing changes."""
    pixels = torch.rand(FRAMES, SIDE, SIDE, 3, generator=torch.Generator().manual_seed(2))
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, :, SIDE // 2 :] = 1.0
    positive, negative = small["positive"], small["negative"]
    if way == "SetLatentNoiseMask":
        (latent,) = run_node("VAEEncode", pixels=pixels, vae=small["vae"])
        (latent,) = run_node(way, samples=latent, mask=mask)
    elif way == "VAEEncodeForInpaint":
        (latent,) = run_node(way, pixels=pixels, vae=small["vae"], mask=mask, grow_mask_by=0)
    else:
        positive, negative, latent = run_node(
            way,
            positive=positive,
            negative=negative,
            pixels=pixels,
            vae=small["vae"],
            mask=mask,
            noise_mask=True,
        )
    (soft,) = run_node("DifferentialDiffusion", model=small["model"])
    out = _sampled(run_node, soft, positive, negative, latent)
    before, half = latent["samples"], latent["samples"].shape[-1] // 2
    torch.testing.assert_close(out[..., :half], before[..., :half], atol=1e-5, rtol=1e-5)
    assert relative_error(out[..., half:], before[..., half:]) > 0.1
    assert torch.isfinite(out).all()


def _sampled(run_node: Callable, model: Any, positive: Any, negative: Any, latent: Any) -> Tensor:
    return run_node(
        "StyleCrafterSampler",
        model=model,
        positive=positive,
        negative=negative,
        latent_image=latent,
        seed=1,
        steps=2,
        cfg_text=CFG_TEXT,
        cfg_style=CFG_STYLE,
        sampler_name="euler",
        scheduler="ddim_uniform",
        denoise=1.0,
    )[0]["samples"]
