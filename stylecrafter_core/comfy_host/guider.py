"""Dual guidance as the host's GUIDER."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import comfy.model_patcher
import comfy.samplers
from torch import Tensor

from ..guidance import DualGuidance
from .conditioning import Conditioning, strip_style, style_requests
from .keys import GUIDANCE_INTERVAL
from .patch import check_styles
from .sampling_part import in_part
from .scales import check_guidance_scales

Conds = list[dict[str, Any]]

GUIDANCE_HOOKS = ("sampler_pre_cfg_function", "sampler_cfg_function", "sampler_post_cfg_function")


class StyleGuider(comfy.samplers.CFGGuider):
    """Samples with two guidance scales. The text-only condition is the positive one without its style.

    Args:
        model: a MODEL; with a style in `positive` it must have a style adapter.
        positive, negative: the host's CONDITIONING.
        cfg_text, cfg_style: the two guidance scales λ_t and λ_s, from 0 to 100.

    Raises:
        InputError: a scale is outside its range.
        MismatchError: `positive` carries a style and the model was never patched, or with another adapter
            than the one that encoded the style; names the node to add or to connect.
    """

    def __init__(
        self,
        model: comfy.model_patcher.ModelPatcher,
        positive: Conditioning,
        negative: Conditioning,
        cfg_text: float,
        cfg_style: float,
    ):
        check_guidance_scales("StyleCrafterGuider", cfg_text, cfg_style)
        check_styles(model, style_requests(values for _, values in positive))
        super().__init__(model)
        self.guidance = DualGuidance(cfg_text, cfg_style)
        self.set_conds(positive, negative)
        self.set_cfg(cfg_text)

    def predict_noise(
        self, x: Tensor, timestep: Tensor, model_options: dict | None = None, seed: int | None = None
    ) -> Tensor:
        """x0 under dual guidance; the host calls this once per model evaluation."""
        step = Step(self.inner_model, x, timestep, model_options or {})
        return dual_cfg(self.guidance, step, self.conds["positive"], self.conds.get("negative"))


class Step:
    """One model evaluation of the sampler: the model, the noisy latent, its sigma, the host's options."""

    def __init__(self, model: Any, x: Tensor, sigma: Tensor, options: dict):
        self.model, self.x, self.sigma, self.options = model, x, sigma, options

    def predict(self, first: Conds | None, second: Conds | None) -> list[Tensor]:
        """x0 under two conditions, batched by the host where they allow it; zeros for None.

        Goes through the host's sampling_function, which packs with context windows of their own exchange.
        What it guides is thrown away, so its scale says only whether the second condition is needed.
        """
        predictions: list[Tensor] = []

        def keep(arguments: dict[str, Any]) -> Tensor:
            predictions.extend((arguments["cond_denoised"], arguments["uncond_denoised"]))
            return arguments["denoised"]

        options = {name: value for name, value in self.options.items() if name not in GUIDANCE_HOOKS}
        options["sampler_post_cfg_function"] = [keep]
        scale = 1.0 if second is None else 2.0
        comfy.samplers.sampling_function(self.model, self.x, self.sigma, second, first, scale, options)
        return predictions

    def is_guided(self) -> bool:
        """Whether this step lies in the part of the sampling that is guided."""
        interval = self.options.get("transformer_options", {}).get(GUIDANCE_INTERVAL, (0.0, 1.0))
        return in_part(self.model.model_sampling, self.sigma, *interval)

    def is_styled(self, conds: Conds) -> bool:
        """Whether any of these conditions carries a style that acts in this step."""
        return any(r.acts_at(self.model.model_sampling, self.sigma) for r in style_requests(conds))

    def hook_arguments(self, **more: Any) -> dict[str, Any]:
        """What every guidance hook of the host gets."""
        common = {"model": self.model, "model_options": self.options, "input": self.x, "sigma": self.sigma}
        return {**common, **more}


def dual_cfg(guidance: DualGuidance, step: Step, positive: Conds, negative: Conds | None) -> Tensor:
    """The guided x0 of one step, with only the passes that the two scales need.

    Text-only and empty pass are asked for together, the styled one alone. Hooks of other packs see the
    styled prediction as the conditional one and the text scale as the scale. Where no style in `positive`
    acts, this is the host's plain guidance. Outside a guidance interval both scales are 1.
    """
    if not step.is_guided():
        guidance = DualGuidance(1.0, 1.0)
    if not step.is_styled(positive):
        guidance = replace(guidance, cfg_style=0.0)
    keeps_empty = guidance.needs_empty or step.options.get("disable_cfg1_optimization", False)
    uncond = negative if keeps_empty else None
    text, empty = step.predict(strip_style(positive) if guidance.needs_text else None, uncond)
    styled = step.predict(positive, None)[0] if guidance.needs_styled else None
    if styled is None:
        text, empty = _before(guidance, step, positive, uncond, text, empty)
    else:
        styled, empty = _before(guidance, step, positive, uncond, styled, empty)
    guided = _combine(guidance, step, positive, uncond, (empty, text, styled))
    return _after(guidance, step, positive, uncond, (empty, text if styled is None else styled), guided)


def _before(
    guidance: DualGuidance, step: Step, positive: Conds, uncond: Conds | None, cond: Tensor, empty: Tensor
) -> list[Tensor]:
    """The host's sampler_pre_cfg_function hooks, on the conditional and the empty prediction."""
    out = [cond, empty]
    for hook in step.options.get("sampler_pre_cfg_function", []):
        out = hook(
            step.hook_arguments(
                conds=[positive, uncond],
                conds_out=out,
                cond_scale=guidance.cfg_text,
                timestep=step.sigma,
            )
        )
    return out


def _combine(
    guidance: DualGuidance,
    step: Step,
    positive: Conds,
    uncond: Conds | None,
    predictions: tuple[Tensor, Tensor, Tensor | None],
) -> Tensor:
    """The formula, or the host's sampler_cfg_function in its place, which gets one conditional for both."""
    empty, text, styled = predictions
    hook = step.options.get("sampler_cfg_function")
    if hook is None or guidance.cfg_text == 0.0:
        return guidance.combine(empty, text, styled)
    cond = guidance.conditional(text, styled)
    return step.x - hook(
        step.hook_arguments(
            cond=step.x - cond,
            uncond=step.x - empty,
            cond_scale=guidance.cfg_text,
            timestep=step.sigma,
            cond_denoised=cond,
            uncond_denoised=empty,
            input_cond=positive,
            input_uncond=uncond,
        )
    )


def _after(
    guidance: DualGuidance,
    step: Step,
    positive: Conds,
    uncond: Conds | None,
    predictions: tuple[Tensor, Tensor],
    guided: Tensor,
) -> Tensor:
    """The host's sampler_post_cfg_function hooks."""
    empty, cond = predictions
    for hook in step.options.get("sampler_post_cfg_function", []):
        guided = hook(
            step.hook_arguments(
                denoised=guided,
                cond=positive,
                uncond=uncond,
                cond_scale=guidance.cfg_text,
                uncond_denoised=empty,
                cond_denoised=cond,
            )
        )
    return guided
