"""Dual guidance as the host's GUIDER."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import comfy.model_patcher
import comfy.samplers
import torch
from torch import Tensor

from ..guidance import DualGuidance
from .conditioning import Conditioning, strip_style, style_requests
from .keys import GUIDANCE_INTERVAL, ROLES
from .latents import check_latent
from .patch import check_styles, check_texts
from .scales import check_guidance_scales, in_part

Conds = list[dict[str, Any]]

# Text, empty, styled. The host numbers the conditions of a call; others know 0 (positive) and 1 (negative).
THREE_ROLES = (0, 1, 0)
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
            than the one that encoded the style; or a prompt is of another text encoder than a patched
            model reads. Says what to add or to connect.
    """

    def __init__(
        self,
        model: comfy.model_patcher.ModelPatcher,
        positive: Conditioning,
        negative: Conditioning,
        cfg_text: float,
        cfg_style: float,
    ):
        check_guidance_scales(cfg_text, cfg_style)
        check_styles(model, style_requests(values for _, values in positive))
        check_texts(model, positive, negative)
        super().__init__(model)
        self.guidance = DualGuidance(cfg_text, cfg_style)
        self.set_conds(positive, negative)
        self.set_cfg(cfg_text)

    def sample(self, noise: Tensor, latent_image: Tensor, *arguments: Any, **more: Any) -> Tensor:
        """See the host's guider.

        Raises:
            MismatchError: the latent is of another kind of model.
        """
        check_latent(self.model_patcher, latent_image)
        return super().sample(noise, latent_image, *arguments, **more)

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

    def predict(self, text: Conds | None, empty: Conds | None, styled: Conds | None) -> list[Tensor]:
        """x0 under each of these conditions, batched by the host where they allow it; zeros for None."""
        if self._predicts_elsewhere():
            return [*self._predict_two(text, empty), self._predict_two(styled, None)[0]]
        return comfy.samplers.calc_cond_batch(
            self.model, [text, empty, styled], self.x, self.sigma, self._options_with_roles()
        )

    def _predicts_elsewhere(self) -> bool:
        """Whether a pack predicts in the host's place: such packs expect one or two conditions.

        One way is an option of the host's; the other is to replace the host's sampling_function, as packs
        with context windows of their own do.
        """
        sampling = comfy.samplers.sampling_function
        return "sampler_calc_cond_batch_function" in self.options or not _is_of_the_host(sampling)

    def _predict_two(self, cond: Conds | None, uncond: Conds | None) -> list[Tensor]:
        """x0 under two conditions through the host's sampling_function, or what stands in its place.

        What it guides is thrown away, so its scale says only whether the second condition is needed.
        """
        if cond is None and uncond is None:
            return [torch.zeros_like(self.x)] * 2
        predictions: list[Tensor] = []

        def keep(arguments: dict[str, Any]) -> Tensor:
            predictions.extend((arguments["cond_denoised"], arguments["uncond_denoised"]))
            return arguments["denoised"]

        options = {name: value for name, value in self.options.items() if name not in GUIDANCE_HOOKS}
        options["sampler_post_cfg_function"] = [keep]
        scale = 1.0 if uncond is None else 2.0
        comfy.samplers.sampling_function(self.model, self.x, self.sigma, uncond, cond, scale, options)
        return predictions

    def _options_with_roles(self) -> dict[str, Any]:
        """The host's options, with which other packs find only the conditions 0 and 1 that they know."""
        options = dict(self.options)
        options["transformer_options"] = {**options.get("transformer_options", {}), ROLES: THREE_ROLES}
        wrapper = options.get("model_function_wrapper")
        if wrapper is not None:
            options["model_function_wrapper"] = lambda apply, call: wrapper(
                apply, {**call, "cond_or_uncond": [THREE_ROLES[i] for i in call["cond_or_uncond"]]}
            )
        return options

    def is_guided(self) -> bool:
        """Whether this step lies in the part of the sampling that is guided."""
        interval = self.options.get("transformer_options", {}).get(GUIDANCE_INTERVAL, (0.0, 1.0))
        return in_part(self.model.model_sampling, self.sigma, *interval)

    def is_styled(self, conds: Conds) -> bool:
        """Whether any of these conditions carries a style that acts in this step."""
        return any(r.acts_at(self.model.model_sampling, self.sigma) for r in style_requests(conds))


def _is_of_the_host(function: Callable) -> bool:
    return inspect.unwrap(function) is function and function.__module__ == comfy.samplers.__name__


def dual_cfg(guidance: DualGuidance, step: Step, positive: Conds, negative: Conds | None) -> Tensor:
    """The guided x0 of one step, with only the passes that the two scales need.

    Hooks of other packs see the styled prediction as the conditional one and the text scale as the scale.
    Where no style in `positive` acts, this is the host's plain guidance. Outside a guidance interval both
    scales are 1.
    """
    if not step.is_guided():
        guidance = DualGuidance(1.0, 1.0)
    if not step.is_styled(positive):
        guidance = replace(guidance, cfg_style=0.0)
    keeps_empty = guidance.needs_empty or step.options.get("disable_cfg1_optimization", False)
    uncond = negative if keeps_empty else None
    text, empty, styled = step.predict(
        strip_style(positive) if guidance.needs_text else None,
        uncond,
        positive if guidance.needs_styled else None,
    )
    hooks = Hooks(step, guidance.cfg_text, positive, uncond)
    if guidance.needs_styled:
        styled, empty = hooks.before_guidance(styled, empty)
    else:
        text, empty = hooks.before_guidance(text, empty)
    conditional = guidance.conditional(text, styled) if guidance.cfg_text != 0.0 else None
    guided = hooks.in_place_of_guidance(conditional, empty)
    if guided is None:
        guided = guidance.combine(empty, text, styled)
    return hooks.after_guidance(styled if guidance.needs_styled else text, empty, guided)


class Hooks:
    """The guidance hooks that other packs hang on a model, called as the host calls them.

    Args:
        step: the model evaluation.
        scale: of guidance, as the hooks are told it.
        cond, uncond: the conditions, as the hooks are told them.
    """

    def __init__(self, step: Step, scale: float, cond: Conds, uncond: Conds | None):
        self.step, self.scale, self.cond, self.uncond = step, scale, cond, uncond

    def before_guidance(self, cond: Tensor, uncond: Tensor) -> list[Tensor]:
        """Both predictions as the sampler_pre_cfg_function hooks change them."""
        out = [cond, uncond]
        for hook in self.step.options.get("sampler_pre_cfg_function", []):
            out = self._call(hook, conds=[self.cond, self.uncond], conds_out=out, timestep=self.step.sigma)
        return out

    def in_place_of_guidance(self, cond: Tensor | None, uncond: Tensor) -> Tensor | None:
        """What the sampler_cfg_function makes of both predictions; None where nobody set one."""
        hook = self.step.options.get("sampler_cfg_function")
        if hook is None or cond is None:
            return None
        x = self.step.x
        return x - self._call(
            hook,
            cond=x - cond,
            uncond=x - uncond,
            timestep=self.step.sigma,
            cond_denoised=cond,
            uncond_denoised=uncond,
            input_cond=self.cond,
            input_uncond=self.uncond,
        )

    def after_guidance(self, cond: Tensor, uncond: Tensor, guided: Tensor) -> Tensor:
        """The guided prediction as the sampler_post_cfg_function hooks change it."""
        for hook in self.step.options.get("sampler_post_cfg_function", []):
            guided = self._call(
                hook,
                denoised=guided,
                cond=self.cond,
                uncond=self.uncond,
                cond_denoised=cond,
                uncond_denoised=uncond,
            )
        return guided

    def _call(self, hook: Callable, **arguments: Any) -> Any:
        step = self.step
        common = {"model": step.model, "model_options": step.options, "input": step.x, "sigma": step.sigma}
        return hook({**common, "cond_scale": self.scale, **arguments})
