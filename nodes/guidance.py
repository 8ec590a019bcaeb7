"""Nodes that guide with two scales."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..stylecrafter_core.comfy_host.guider import StyleGuider
from ..stylecrafter_core.comfy_host.plain_sampler import add_dual_cfg, set_guidance_interval
from ..stylecrafter_core.families import FAMILIES
from .sockets import schema

MODEL_TOOLTIP = "A model with a style adapter."
POSITIVE_TOOLTIP = "The prompt with its style, from Apply Style."
NEGATIVE_TOOLTIP = "The negative or empty prompt."
FORMULA = "Guided = empty + cfg_style x (styled - text) + cfg_text x (text - empty)."


def cfg_text_input() -> io.Input:
    """The text scale, the same on every node that has it."""
    return io.Float.Input(
        "cfg_text",
        default=FAMILIES["video"].defaults.cfg_text,
        min=0.0,
        max=100.0,
        step=0.1,
        round=0.01,
        tooltip="Text scale: how closely the prompt is followed. Published: 16 for video (15 in its script, "
        "which counts from another point), 7.5 for SDXL. 1 saves the empty pass.",
    )


def cfg_style_input() -> io.Input:
    """The style scale, the same on every node that has it."""
    return io.Float.Input(
        "cfg_style",
        default=FAMILIES["video"].defaults.cfg_style,
        min=0.0,
        max=100.0,
        step=0.1,
        round=0.01,
        tooltip="Style scale: how strongly the look is followed. Published: 8.5 for video (7.5 in its "
        "script), 5 for SDXL. 0 is no style; equal to cfg_text is plain guidance on the styled prompt.",
    )


class StyleCrafterGuider(io.ComfyNode):
    """Two scales for SamplerCustomAdvanced."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterGuider",
            display_name="Dual CFG Guider (StyleCrafter)",
            description=f"Guidance with a text scale and a style scale. {FORMULA}",
            search_aliases=["style guidance", "cfg guider", "dual cfg", "cfg style"],
            inputs=[
                io.Model.Input("model", tooltip=MODEL_TOOLTIP),
                io.Conditioning.Input("positive", tooltip=POSITIVE_TOOLTIP),
                io.Conditioning.Input("negative", tooltip=NEGATIVE_TOOLTIP),
                cfg_text_input(),
                cfg_style_input(),
            ],
            outputs=[io.Guider.Output(display_name="GUIDER", tooltip="For SamplerCustomAdvanced.")],
        )

    @classmethod
    def execute(
        cls, model: Any, positive: Any, negative: Any, cfg_text: float, cfg_style: float
    ) -> io.NodeOutput:
        return io.NodeOutput(StyleGuider(model, positive, negative, cfg_text, cfg_style))


class StyleCrafterDualCFG(io.ComfyNode):
    """Two scales on the host's own samplers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterDualCFG",
            display_name="Dual CFG for KSampler (StyleCrafter)",
            description="Makes KSampler and KSamplerAdvanced follow a style scale, too; their cfg is the "
            f"text scale. {FORMULA}",
            search_aliases=["style guidance", "dual cfg", "cfg style", "ksampler cfg"],
            inputs=[io.Model.Input("model", tooltip=MODEL_TOOLTIP), cfg_style_input()],
            outputs=[io.Model.Output(display_name="MODEL", tooltip="For KSampler.")],
        )

    @classmethod
    def execute(cls, model: Any, cfg_style: float) -> io.NodeOutput:
        return io.NodeOutput(add_dual_cfg(model, cfg_style))


class StyleCrafterGuidanceInterval(io.ComfyNode):
    """Which part of the sampling is guided."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterGuidanceInterval",
            display_name="Guidance Interval (StyleCrafter)",
            description="Dual guidance only in a part of the sampling; outside it both scales are 1 and a "
            "step takes one pass. Works on Guider, Sampler and Dual CFG for KSampler alike.",
            search_aliases=["cfg interval", "limited guidance", "cfg schedule"],
            inputs=[
                io.Model.Input("model", tooltip=MODEL_TOOLTIP),
                io.Float.Input(
                    "start_at",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Part of the sampling at which guidance begins: 0 is pure noise.",
                ),
                io.Float.Input(
                    "end_at",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Part of the sampling at which guidance ends: 1 is the finished picture.",
                ),
            ],
            outputs=[io.Model.Output(display_name="MODEL", tooltip="The model with its guided part.")],
        )

    @classmethod
    def execute(cls, model: Any, start_at: float, end_at: float) -> io.NodeOutput:
        return io.NodeOutput(set_guidance_interval(model, start_at, end_at))
