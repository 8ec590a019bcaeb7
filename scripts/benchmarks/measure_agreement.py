"""One styled pass of the full-size video network: every precision against float32 and the published code.

The weights are random, the same in every process.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.model_patcher
import comfy.samplers
import torch
from environment import say
from torch import Tensor

from stylecrafter_core.comfy_host.adapter import HostAdapter
from stylecrafter_core.comfy_host.conditioning import StyleRequest, apply_style
from stylecrafter_core.comfy_host.model import build_model
from stylecrafter_core.comfy_host.patch import patch_model
from stylecrafter_core.errors import InputError
from stylecrafter_core.formats.readers import TensorFile, adapter_of, video_base_of

from . import random_weights
from .measure_unet import Held

Size = tuple[int, int, int]  # frames, height and width of the latents
FULL, SMALL = (16, 40, 64), (2, 8, 16)
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
OURS, PUBLISHED = (Path(__file__).with_name(name) for name in ("own_forward.py", "published_forward.py"))
PROCESSOR = torch.device("cpu")


def report(host: Path, published: Path | None) -> None:
    """Print how far each precision is from the references; on a card at the published size.

    Args:
        published: a checkout of the authors' repository.

    Raises:
        InputError: a reference could not be made; with its process's last words.
    """
    size = FULL if torch.cuda.is_available() else SMALL
    say("one styled pass of the full-size video network, {} frames of {}x{} latents".format(*size))
    scripts = {"our float32 on the processor": (OURS, host)}
    if published is None:
        say("  the published code: left out; --published names a checkout of it")
    else:
        scripts["the published code in float32"] = (PUBLISHED, published)
    with ThreadPoolExecutor() as pool:  # where there is a card, one computes on it
        noises = pool.map(lambda script: noise_from(*script, size), scripts.values())
        references = dict(zip(scripts, noises, strict=True))
    for dtype in DTYPES:
        noise = predicted_noise(dtype, *size)
        for name, reference in references.items():
            say(f"  {dtype} from {name}: {difference(noise, reference)}")


def predicted_noise(dtype: torch.dtype, frames: int, height: int, width: int) -> Tensor:
    """Of the host's MODEL with weights in `dtype` and our adapter; [1, 4, frames, height, width], float32."""
    given = random_weights.inputs(frames, height, width)
    with torch.inference_mode():
        model, adapter = _networks(dtype)
        style = adapter.encode(given["clip_tokens"])
        text = [[given["text"], {}]]
        guider = comfy.samplers.CFGGuider(patch_model(model, adapter))
        guider.set_conds(apply_style(text, StyleRequest(style, 1.0, 0.0, 1.0)), text)
        guider.set_cfg(1.0)
        sigma = model.get_model_object("model_sampling").sigmas[random_weights.TIMESTEP]
        x = given["x"][0].transpose(0, 1)

        def one_pass(predict: Any, options: dict) -> Tensor:
            at = sigma.to(model.load_device)
            noisy = x.to(at) * (1 + at**2).sqrt()
            return (noisy - predict(noisy, at.expand(frames), options)) / at

        held = Held(one_pass)
        sigmas = torch.stack([sigma, torch.zeros_like(sigma)])
        guider.sample(x, torch.zeros_like(x), held, sigmas, disable_pbar=True, seed=0)
        comfy.model_management.unload_all_models()
        return held.result.float().cpu().transpose(0, 1)[None]


def noise_from(script: Path, folder: Path, size: Size) -> Tensor:
    """What a script beside this file makes of a folder, in a process of its own; raises as `report`."""
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "noise.pt"
        command = [sys.executable, str(script), str(folder.absolute()), *map(str, size), str(out)]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise InputError(
                f"{script.name} made no pass of {folder}.",
                found=done.stderr.strip()[-1500:] or f"exit status {done.returncode}",
                expected="code that runs here, and 10 GiB of memory",
                fix="look at what was found; for --published, name the folder that holds lvdm/ and configs/",
            )
        return torch.load(out, weights_only=True)


def difference(found: Tensor, expected: Tensor) -> str:
    """Both ways to say it, relative to what was expected."""
    off = found - expected
    overall, most = float(off.norm() / expected.norm()), float(off.abs().max() / expected.abs().max())
    return f"{overall:.1e} overall, {most:.1e} at most"


def _networks(dtype: torch.dtype) -> tuple[comfy.model_patcher.ModelPatcher, HostAdapter]:
    named = {f"model.diffusion_model.{name}": w for name, w in random_weights.unet_tensors().items()}
    base = video_base_of(TensorFile(named, {}), "random weights")
    model = build_model(base.unet_spec, dtype, None, PROCESSOR)
    model.diffusion_model.load_state_dict(base.unet)
    card = comfy.model_management.get_torch_device()
    adapter = adapter_of(TensorFile(random_weights.adapter_tensors(), {}), "random weights")
    return comfy.model_patcher.ModelPatcher(model, card, PROCESSOR), HostAdapter(adapter, "random weights")
