"""A node that judges a result inside the graph."""

from __future__ import annotations

import math
from typing import Any

from comfy_api.latest import io

from ..stylecrafter_core.comfy_host.metrics import result_metrics, values_text
from .sockets import schema

# Output: the value that it carries, by the start of its name.
NUMBERS = {
    "clip_text": "clip_text.",
    "clip_style": "clip_style.",
    "clip_temp": "clip_temp.",
    "copy_score": "copy_score",
    "warp_error": "warp_error.",
    "motion": "flow_magnitude_percent.",
    "flicker": "flicker",
}


class StyleCrafterMetrics(io.ComfyNode):
    """Style, content, motion, flicker and copying of one result."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterMetrics",
            display_name="Metrics (StyleCrafter)",
            description="Numbers of a picture or clip: how near it is to its prompt and its references, "
            "how steady it is, how much of it moves, and whether it copies a reference.",
            search_aliases=["evaluate style", "clip score", "warp error", "flicker", "style similarity"],
            inputs=[
                io.Image.Input("images", tooltip="One picture, or all frames of one clip."),
                io.Image.Input("reference", tooltip="The style pictures; a batch is several references."),
                io.String.Input(
                    "prompt", multiline=True, default="", tooltip="What should be shown. Without style words."
                ),
                io.ClipVision.Input(
                    "clip_vision", optional=True, tooltip="For the CLIP metrics. The paper's is ViT-H/14."
                ),
                io.Clip.Input(
                    "clip", optional=True, tooltip="For CLIP-Text: the text encoder of the same CLIP."
                ),
            ],
            outputs=[
                io.String.Output(display_name="text", tooltip="All numbers, and what was not computed."),
                *(
                    io.Float.Output(display_name=name, tooltip="NaN where it was not computed.")
                    for name in NUMBERS
                ),
            ],
        )

    @classmethod
    def execute(
        cls, images: Any, reference: Any, prompt: str, clip_vision: Any = None, clip: Any = None
    ) -> io.NodeOutput:
        values, notes = result_metrics(images, reference, prompt, clip_vision, clip)
        numbers = [_starting_with(values, start) for start in NUMBERS.values()]
        return io.NodeOutput(values_text(values, notes), *numbers)


def _starting_with(values: dict[str, float], start: str) -> float:
    return next((value for name, value in values.items() if name.startswith(start)), math.nan)
