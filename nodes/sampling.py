"""Nodes that sample."""

from __future__ import annotations

from functools import partial
from typing import Any

from comfy_api.latest import io

from ..stylecrafter_core.comfy_host.ddim_sampler import DDIMSampler
from ..stylecrafter_core.comfy_host.sampling import (
    SAMPLER_NAMES,
    SCHEDULER_NAMES,
    check_choice,
    sample,
    set_video_length,
)
from ..stylecrafter_core.families import FAMILIES
from .guidance import (
    FORMULA,
    MODEL_TOOLTIP,
    NEGATIVE_TOOLTIP,
    POSITIVE_TOOLTIP,
    cfg_style_input,
    cfg_text_input,
)
from .sockets import accepted, schema


class StyleCrafterSampler(io.ComfyNode):
    """The whole sampling in one box."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterSampler",
            display_name="Sampler (StyleCrafter)",
            description=f"Samples with a text scale and a style scale. {FORMULA}",
            search_aliases=["ksampler", "style sampler", "dual cfg sampler", "style video"],
            inputs=[
                io.Model.Input("model", tooltip=MODEL_TOOLTIP),
                io.Conditioning.Input("positive", tooltip=POSITIVE_TOOLTIP),
                io.Conditioning.Input("negative", tooltip=NEGATIVE_TOOLTIP),
                io.Latent.Input(
                    "latent_image",
                    tooltip="From Empty Video Latent; for SDXL from Empty Latent Image, 1024 x 1024. Or an "
                    "encoded video or picture.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Start of the noise; the same seed gives the same result.",
                ),
                io.Int.Input(
                    "steps",
                    default=FAMILIES["video"].defaults.steps,
                    min=1,
                    max=10000,
                    tooltip="Published: 50 for video, 30 for SDXL.",
                ),
                cfg_text_input(),
                cfg_style_input(),
                io.Combo.Input(
                    "sampler_name",
                    options=SAMPLER_NAMES,
                    tooltip="stylecrafter_ddim is DDIM with eta 1, as published for video. SDXL: euler.",
                ),
                io.Combo.Input(
                    "scheduler",
                    options=SCHEDULER_NAMES,
                    default="ddim_uniform",
                    tooltip="ddim_uniform gives the published timesteps.",
                ),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.01,
                    max=1.0,
                    step=0.01,
                    tooltip="1: from nothing. Less keeps part of the latent that comes in.",
                ),
            ],
            outputs=[io.Latent.Output(display_name="LATENT", tooltip="For VAE Decode.")],
        )

    @classmethod
    def validate_inputs(cls, sampler_name: str | None, scheduler: str | None) -> str | bool:
        """The host checks neither these lists nor those of any other node of its newer kind."""
        for name, chosen, offered in (
            ("sampler_name", sampler_name, SAMPLER_NAMES),
            ("scheduler", scheduler, SCHEDULER_NAMES),
        ):
            answer = accepted(partial(check_choice, name, offered=offered), chosen)
            if answer is not True:
                return answer
        return True

    @classmethod
    def execute(
        cls,
        model: Any,
        positive: Any,
        negative: Any,
        latent_image: dict[str, Any],
        seed: int,
        steps: int,
        cfg_text: float,
        cfg_style: float,
        sampler_name: str,
        scheduler: str,
        denoise: float,
    ) -> io.NodeOutput:
        sampled = sample(
            model,
            positive,
            negative,
            latent_image,
            cfg_text=cfg_text,
            cfg_style=cfg_style,
            seed=seed,
            steps=steps,
            sampler_name=sampler_name,
            scheduler=scheduler,
            denoise=denoise,
        )
        return io.NodeOutput(sampled)


class StyleCrafterDDIM(io.ComfyNode):
    """The released sampler."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterDDIM",
            display_name="DDIM with eta (StyleCrafter)",
            description="DDIM as released with the video model, for SamplerCustomAdvanced. The schedule "
            "ddim_uniform gives the published timesteps.",
            search_aliases=["ddim sampler", "sampler select", "eta"],
            inputs=[
                io.Float.Input(
                    "eta",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Fresh noise per step: 1 as published, 0 is deterministic.",
                ),
            ],
            outputs=[io.Sampler.Output(display_name="SAMPLER", tooltip="For SamplerCustomAdvanced.")],
        )

    @classmethod
    def execute(cls, eta: float) -> io.NodeOutput:
        return io.NodeOutput(DDIMSampler(eta))


class StyleCrafterSetVideoLength(io.ComfyNode):
    """Tells a model where one video ends and the next begins."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterSetVideoLength",
            display_name="Set Video Length (StyleCrafter)",
            description="For a latent with several videos on the host's own samplers: how many frames are "
            "one video. The StyleCrafter sampler reads it off the latent itself.",
            search_aliases=["frames per video", "video batch", "split video"],
            inputs=[
                io.Model.Input("model", tooltip="The video model."),
                io.Int.Input(
                    "frames",
                    default=FAMILIES["video"].defaults.frames,
                    min=1,
                    max=4096,
                    tooltip="Frames of one video.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="MODEL", tooltip="The model that cuts its latents so."),
            ],
        )

    @classmethod
    def execute(cls, model: Any, frames: int) -> io.NodeOutput:
        return io.NodeOutput(set_video_length(model, frames))
