"""Both guidance scales on the host's own samplers, and the part of the sampling that is guided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comfy.model_patcher
import comfy.samplers
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ..guidance import DualGuidance
from .conditioning import style_requests
from .guider import Step, dual_cfg
from .keys import DUAL_CFG, GUIDANCE_INTERVAL
from .patch import check_styles
from .scales import GUIDANCE_SCALES, check_part, check_scale


def add_dual_cfg(
    model: comfy.model_patcher.ModelPatcher, cfg_style: float
) -> comfy.model_patcher.ModelPatcher:
    """A clone of the model on which KSampler and KSamplerAdvanced run both scales; their cfg is λ_t.

    A guider with a formula of its own keeps it. A second call replaces the first.

    Raises:
        InputError: the scale is outside its range.
    """
    check_scale("cfg_style", cfg_style, GUIDANCE_SCALES)
    patched = model.clone()
    patched.remove_wrappers_with_key(WrappersMP.PREDICT_NOISE, DUAL_CFG)
    patched.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, DUAL_CFG, DualCFGWrapper(cfg_style))
    return patched


def set_guidance_interval(
    model: comfy.model_patcher.ModelPatcher, start_at: float, end_at: float
) -> comfy.model_patcher.ModelPatcher:
    """A clone of the model that dual guidance guides only from `start_at` to `end_at` of the sampling.

    Outside, both scales are 1: the styled prediction alone, one pass a step.

    Raises:
        InputError: the interval is empty or lies outside 0..1.

    Source: Kynkäänniemi et al., Applying Guidance in a Limited Interval (arXiv 2404.07724).
    """
    check_part(start_at, end_at)
    patched = model.clone()
    patched.model_options["transformer_options"][GUIDANCE_INTERVAL] = (start_at, end_at)
    return patched


class DualCFGWrapper:
    """Stands in for the host's plain guidance, with its text scale and a style scale."""

    def __init__(self, cfg_style: float):
        self.cfg_style = cfg_style

    def __deepcopy__(self, memo: dict) -> DualCFGWrapper:
        return self

    def __call__(
        self, executor: Any, x: Tensor, timestep: Tensor, model_options: dict, seed: int | None
    ) -> Tensor:
        guider = executor.class_obj
        if not _guides_plainly(guider):
            return executor(x, timestep, model_options, seed)
        positive = guider.conds["positive"]
        check_styles(guider.model_patcher, style_requests(positive))
        step = Step(guider.inner_model, x, timestep, model_options)
        return dual_cfg(DualGuidance(guider.cfg, self.cfg_style), step, positive, guider.conds["negative"])


def _guides_plainly(guider: Any) -> bool:
    """Whether the guider follows the host's own formula of one scale, with both conditions there."""
    predict: Callable = type(guider).predict_noise
    return predict is comfy.samplers.CFGGuider.predict_noise and {"positive", "negative"} <= set(guider.conds)
