"""The recorded Wan job: loaded by the host's own loader, patched by the pack's nodes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import comfy.model_detection
import comfy.samplers
import comfy.sd
import torch
from safetensors.torch import load_file
from torch import Tensor

GOLDEN = Path(__file__).parents[1] / "golden" / "wan_a"
CONFIG = json.loads((GOLDEN / "config.json").read_text())
EXPECTED = load_file(GOLDEN / "expected.safetensors")
GUIDANCE = {
    "cfg_text": CONFIG["guidance"]["cfg_scale"],
    "cfg_style": CONFIG["guidance"]["style_cfg_scale"],
}


@contextmanager
def tiny_wan() -> Iterator[None]:
    """Inside, the host recognises tiny Wans: it takes heads 128 wide and text 4096 wide for granted."""
    detect = comfy.model_detection.detect_unet_config

    def told(state_dict: dict, key_prefix: str, metadata: Any = None) -> Any:
        found = detect(state_dict, key_prefix, metadata)
        if found is not None and found.get("image_model") == "wan2.1":
            embedding = state_dict[f"{key_prefix}text_embedding.0.weight"]
            heads = found["dim"] // 32  # as the recorded network and every tiny one of these tests
            found |= {"num_heads": heads, "text_dim": embedding.shape[1]}
        return found

    with mock.patch.object(comfy.model_detection, "detect_unet_config", told):
        yield


@dataclass(frozen=True)
class GoldenWan:
    """Model, adapter and the nodes that matter."""

    model: Any
    plain: Any
    adapter: Any
    run_node: Callable[..., tuple]

    def text(self, b: int = 0) -> list:
        return [[EXPECTED["text"][b : b + 1], {}]]

    def empty(self, b: int = 0) -> list:
        return [[EXPECTED["empty"], {}]]

    def style(self, b: int = 0) -> Any:
        rows = slice(b, b + 1)
        with torch.inference_mode():
            return self.adapter.encode(EXPECTED["last_hidden_state"][rows], EXPECTED["image_embeds"][rows])

    def styled(self, b: int = 0, strength: float = 1.0, **more: Any) -> list:
        settings = {"style": self.style(b), "start_at": 0.0, "end_at": 1.0} | more
        return self.run_node(
            "StyleCrafterApplyStyle", conditioning=self.text(b), strength=strength, **settings
        )[0]

    def x(self, b: int = 0) -> Tensor:
        return EXPECTED["x"][b : b + 1]

    def sigma(self, b: int = 0) -> float:
        return float(EXPECTED["t"][b]) / 1000


def velocity(guider: Any, x: Tensor, sigma: float) -> Tensor:
    """`(x − x0) / σ` of one call of a guider's model, as a sampler calls it."""
    seen = []

    def look(model: Any, noise: Tensor, sigmas: Tensor, extra_args: dict, **_: Any) -> Tensor:
        x0 = model(x.to(noise), sigmas[0].expand(len(x)), **extra_args)
        seen.append((x - x0) / sigma)
        return x0

    zeros, sigmas = torch.zeros_like(x), torch.tensor([sigma, 0.0])
    with torch.inference_mode():
        guider.sample(zeros, zeros, comfy.samplers.KSAMPLER(look), sigmas, seed=0, disable_pbar=True)
    return seen[0]


def end_latent(model: Any, samples: Tensor) -> Tensor:
    """What a sampler node gives back, in the model's own scale."""
    return model.model.process_latent_in(samples)


def load_golden_wan(host: Any, run_node: Callable) -> GoldenWan:
    """The whole recorded file as the base, and as the adapter."""
    for kind in ("diffusion_models", "stylecrafter"):
        shutil.copy(GOLDEN / "stylemaster.ckpt", host.models(kind) / "stylemaster.ckpt")
    with tiny_wan():
        plain = comfy.sd.load_diffusion_model(str(host.models("diffusion_models") / "stylemaster.ckpt"))
    [shifted] = run_node("ModelSamplingSD3", model=plain, shift=CONFIG["sampler"]["shift"])
    [adapter] = run_node("StyleCrafterAdapterLoader", adapter_name="stylemaster.ckpt")
    [model] = run_node("StyleCrafterPatchModel", model=shifted, adapter=adapter)
    return GoldenWan(model, shifted, adapter, run_node)
