"""One call from an empty latent to a sampled one, with everything that the host's own sampler node does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import comfy.model_management
import comfy.model_patcher
import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview

from ..errors import InputError
from .conditioning import Conditioning
from .ddim_sampler import DDIMSampler
from .guider import StyleGuider
from .keys import NUM_FRAMES
from .latents import samples_of
from .scales import DENOISE, STEPS, check_guidance_scales, check_scale

RELEASED_SAMPLER = "stylecrafter_ddim"  # DDIM with eta 1, as the published video model is sampled
SAMPLER_NAMES = [RELEASED_SAMPLER, *comfy.samplers.KSampler.SAMPLERS]
SCHEDULER_NAMES = comfy.samplers.KSampler.SCHEDULERS

Latent = dict[str, Any]  # the host's: {"samples": tensor, ...}


def sample(
    model: comfy.model_patcher.ModelPatcher,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    *,
    cfg_text: float,
    cfg_style: float,
    seed: int,
    steps: int,
    sampler_name: str,
    scheduler: str,
    denoise: float,
) -> Latent:
    """A sampled latent under dual guidance: progress, previews, masks and interrupts as in the host.

    Args:
        latent: {"samples": [rows, 4, h, w]}; "frames" in it is the length of one video.
        cfg_text, cfg_style: the two guidance scales λ_t and λ_s, from 0 to 100.
        sampler_name: one of SAMPLER_NAMES.
        scheduler: one of SCHEDULER_NAMES.
        denoise: share of the schedule that is run, in (0, 1].

    Raises:
        InputError: the latent holds nothing to sample, its frames do not divide into whole videos, a scale,
            `denoise` or `steps` is outside its range, or there is no such sampler or scheduler.
        MismatchError: see StyleGuider.
    """
    check_choice("sampler_name", sampler_name, SAMPLER_NAMES)
    check_choice("scheduler", scheduler, SCHEDULER_NAMES)
    check_scale("denoise", denoise, DENOISE)
    check_scale("steps", steps, STEPS)
    check_guidance_scales(cfg_text, cfg_style)
    samples = comfy.sample.fix_empty_latent_channels(model, samples_of(latent))
    if "frames" in latent:
        model = with_video_length(model, len(samples), latent["frames"])
    guider = StyleGuider(model, positive, negative, cfg_text, cfg_style)
    sampled = guider.sample(
        comfy.sample.prepare_noise(samples, seed, latent.get("batch_index")),
        samples,
        _sampler(sampler_name),
        _sigmas(model, sampler_name, scheduler, steps, denoise),
        denoise_mask=latent.get("noise_mask"),
        callback=latent_preview.prepare_callback(model, steps),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=seed,
    )
    return {**latent, "samples": sampled.to(comfy.model_management.intermediate_device())}


def with_video_length(
    model: comfy.model_patcher.ModelPatcher, rows: int, recorded: int
) -> comfy.model_patcher.ModelPatcher:
    """The model, told how many latent frames are one video, where the latent holds several.

    A length that was set on the model stays. Fewer frames than recorded are one video that was cut short.

    Args:
        rows: frames in the latent.
        recorded: frames of one video when the latent was made.

    Raises:
        InputError: the frames are no longer whole videos; says how to tell where they end.
    """
    if NUM_FRAMES in model.model_options["transformer_options"] or rows <= recorded:
        return model
    if rows % recorded:
        raise InputError(
            "The latent no longer holds whole videos; it was cut after it was made.",
            found=f"{rows} latent frames, made as videos of {recorded} frames",
            expected=f"a multiple of {recorded}, or at most {recorded} (one video)",
            fix="set the video length on the model, before the sampler, to the frames of one video as they "
            "are now; it counts instead of what the latent was made with",
        )
    return set_video_length(model, recorded)


def set_video_length(
    model: comfy.model_patcher.ModelPatcher, num_frames: int
) -> comfy.model_patcher.ModelPatcher:
    """A clone of the model that cuts its latents into videos of `num_frames` frames, at least 1."""
    if num_frames < 1:
        raise InputError(
            "A video cannot have this number of frames.",
            found=f"frames {num_frames}",
            expected="1 or more",
            fix="set frames to the number of frames of one video",
        )
    clone = model.clone()
    clone.model_options["transformer_options"][NUM_FRAMES] = num_frames
    return clone


def check_choice(name: str, chosen: Any, offered: Sequence[str]) -> None:
    """Raise InputError unless the sampler or scheduler is one that the host has."""
    if chosen not in offered:
        raise InputError(
            f"The input `{name}` names nothing that this ComfyUI has.",
            found=repr(chosen),
            expected=f"one of {', '.join(offered)}",
            fix=f"choose {name} from the list",
        )


def _sampler(name: str) -> comfy.samplers.Sampler:
    return DDIMSampler(eta=1.0) if name == RELEASED_SAMPLER else comfy.samplers.sampler_object(name)


def _sigmas(model: Any, sampler_name: str, scheduler: str, steps: int, denoise: float) -> Any:
    # The host's KSampler knows which samplers want another schedule; DDIM takes the plain one.
    name = "euler" if sampler_name == RELEASED_SAMPLER else sampler_name
    host = comfy.samplers.KSampler(
        model, steps, model.load_device, sampler=name, scheduler=scheduler, denoise=denoise
    )
    return host.sigmas
