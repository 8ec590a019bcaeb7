"""A MODEL that understands styles: wrappers, nothing shared is mutated.

The first wrapper sees every condition before the host batches it and makes its style ready: K, V, gains.
The second sees every call of the diffusion model and composes, for that call only, attention replacements
which call whatever was registered before and add the style term. So order of patching does not matter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import comfy.model_patcher
import torch
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ..errors import MismatchError
from ..spec import Site
from .adapter import HostAdapter
from .conditioning import (
    Conditioning,
    StyleCond,
    StyleRequest,
    style_requests,
    styled_alike,
    unpatched_model_error,
)
from .keys import ROLES, STYLE, WRAPPER
from .networks import Injection, injection_for, sites_for

log = logging.getLogger(__name__)


def patch_model(
    model: comfy.model_patcher.ModelPatcher, adapter: HostAdapter
) -> comfy.model_patcher.ModelPatcher:
    """A clone of the model that adds the styles found in its conditions.

    A model that was patched before gets the new adapter in place of the old one.

    Raises:
        MismatchError: the adapter does not fit the model; both are named.
    """
    injection = injection_for(model.get_model_object("diffusion_model"), _sites(model, adapter))
    patched = model.clone()
    for kind, wrapper in (
        (WrappersMP.CALC_COND_BATCH, StyleBinder(adapter)),
        (WrappersMP.DIFFUSION_MODEL, StyleInjector(injection)),
        (WrappersMP.OUTER_SAMPLE, NegativeWatch()),
    ):
        patched.remove_wrappers_with_key(kind, WRAPPER)
        patched.add_wrapper_with_key(kind, WRAPPER, wrapper)
    patched.set_additional_models(WRAPPER, [adapter.patcher])
    return patched


def _sites(model: comfy.model_patcher.ModelPatcher, adapter: HostAdapter) -> tuple[Site, ...]:
    try:
        return sites_for(adapter.spec, model.get_model_object("diffusion_model"))
    except MismatchError as error:
        names = f"{adapter.name} on a {type(model.model).__name__}"
        raise MismatchError(
            f"{error.what.rstrip('.')}: {names}.",
            found=error.found,
            expected=error.expected,
            fix=error.fix,
        ) from error


def check_styles(model: comfy.model_patcher.ModelPatcher, requests: Iterable[StyleRequest]) -> None:
    """Raise MismatchError unless the model has the adapter that encoded every one of these styles."""
    binders = model.get_wrappers(WrappersMP.CALC_COND_BATCH, WRAPPER)
    for request in requests:
        if not binders:
            raise unpatched_model_error()
        binders[0].adapter.check_style(request.style)


def check_texts(model: comfy.model_patcher.ModelPatcher, *prompts: Conditioning) -> None:
    """Raise MismatchError unless a patched model can read every one of these prompts."""
    for binder in model.get_wrappers(WrappersMP.CALC_COND_BATCH, WRAPPER):
        spec = binder.adapter.spec
        for width in (text.shape[-1] for prompt in prompts for text, _ in prompt):
            if width != spec.text_dim:
                raise MismatchError(
                    "A prompt does not belong to the model.",
                    found=f"text tokens {width} wide",
                    expected=f"{spec.text_dim} wide, as the model and its adapter read them",
                    fix="encode the positive and the negative prompt with the CLIP of this model",
                )


class StyleBinder:
    """Makes the styles in conditions ready for one adapter's model."""

    def __init__(self, adapter: HostAdapter):
        self.adapter = adapter

    def __deepcopy__(self, memo: dict) -> StyleBinder:
        return self

    def __call__(
        self, executor: Callable, model: Any, conds: list, x_in: Tensor, timestep: Tensor, options: dict
    ) -> Any:
        bound = [
            None if group is None else [self._bind(cond, model, timestep) for cond in group]
            for group in conds
        ]
        unstyled = self.adapter.ready_null(_compute_dtype(model))
        return executor(model, styled_alike(bound, unstyled), x_in, timestep, options)

    def _bind(self, cond: dict, model: Any, timestep: Tensor) -> dict:
        model_conds = dict(cond["model_conds"])
        style_cond: StyleCond | None = model_conds.pop(STYLE, None)
        if style_cond is None or style_cond.request is None:
            return cond
        request = style_cond.request
        self.adapter.check_style(request.style)
        if request.acts_at(model.model_sampling, timestep):
            text = model_conds["c_crossattn"].cond
            ready = self.adapter.ready_style(request.style, text, request.strength, _compute_dtype(model))
            model_conds[STYLE] = style_cond.made_ready(ready)
        return {**cond, "model_conds": model_conds}


class NegativeWatch:
    """Says in the log where a sampling begins with a style in its negative prompt."""

    def __deepcopy__(self, memo: dict) -> NegativeWatch:
        return self

    def __call__(self, executor: Any, *arguments: Any, **more: Any) -> Any:
        negative = executor.class_obj.conds.get("negative") or []
        if any(request.strength for request in style_requests(negative)):
            log.warning(
                "StyleCrafter: the negative prompt carries a style, so the picture moves away from that "
                "style. Conditioning Zero Out and other nodes keep the style of what they are given: connect "
                "the prompt as it was before a style was applied, or an empty one."
            )
        return executor(*arguments, **more)


class StyleInjector:
    """Adds ready styles to the attention of one call of the diffusion model."""

    def __init__(self, injection: Injection):
        self.injection = injection

    def __deepcopy__(self, memo: dict) -> StyleInjector:
        return self

    def __call__(
        self,
        executor: Callable,
        x: Tensor,
        timesteps: Tensor,
        context: Tensor | None = None,
        fourth: Any = None,
        fifth: Any = None,
        transformer_options: dict | None = None,
        **kwargs: Any,
    ) -> Any:
        # Fourth and fifth: y and control of a U-Net, image features and further frames of a video model.
        batch = kwargs.pop(STYLE, None)
        options = transformer_options or {}
        if batch is not None:
            options = self.injection(options, batch)
        if ROLES in options:
            roles = [options[ROLES][index] for index in options["cond_or_uncond"]]
            options = {**options, "cond_or_uncond": roles}
        return executor(x, timesteps, context, fourth, fifth, options, **kwargs)


def _compute_dtype(model: Any) -> torch.dtype:
    return model.manual_cast_dtype or model.get_dtype()
