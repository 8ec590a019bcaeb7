"""Nodes that make a style and put it into a prompt."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..stylecrafter_core.comfy_host.conditioning import StyleRequest, apply_style
from ..stylecrafter_core.comfy_host.vision import encode_style
from ..stylecrafter_core.families import FAMILIES
from .sockets import ADAPTER, STYLE, connected, schema

MORE_IMAGES = ("images_2", "images_3", "images_4")


class StyleCrafterEncodeStyle(io.ComfyNode):
    """Pictures to a style."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterEncodeStyle",
            display_name="Encode Style (StyleCrafter)",
            description="Reads the style of one reference picture, or of several together.",
            search_aliases=[
                "style reference",
                "reference image",
                "image prompt",
                "style transfer",
                "ip adapter",
            ],
            inputs=[
                ADAPTER.Input("adapter", tooltip="The adapter that the model has, too."),
                io.ClipVision.Input("clip_vision", tooltip="CLIP ViT-H/14 for the published adapters."),
                io.Image.Input(
                    "images",
                    tooltip="Reference pictures of any size; a batch counts as several references of one "
                    "style. Transparency becomes white.",
                ),
                *(
                    io.Image.Input(
                        name,
                        optional=True,
                        tooltip="More references of the same style, of any size and shape.",
                    )
                    for name in MORE_IMAGES
                ),
            ],
            outputs=[STYLE.Output(display_name="style", tooltip="For Apply Style.")],
        )

    @classmethod
    def execute(cls, adapter: Any, clip_vision: Any, images: Any, **more: Any) -> io.NodeOutput:
        batches = [images, *(more[name] for name in MORE_IMAGES if more.get(name) is not None)]
        return io.NodeOutput(encode_style(connected(adapter), clip_vision, batches))


class StyleCrafterApplyStyle(io.ComfyNode):
    """A style into a prompt."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterApplyStyle",
            display_name="Apply Style (StyleCrafter)",
            description="Puts a style into a positive conditioning: the prompt decides the content, the "
            "style the look.",
            search_aliases=[
                "style strength",
                "style conditioning",
                "style transfer",
                "image prompt",
                "ip adapter",
            ],
            inputs=[
                io.Conditioning.Input("conditioning", tooltip="The positive prompt."),
                STYLE.Input("style", tooltip="From Encode Style."),
                io.Float.Input(
                    "strength",
                    default=FAMILIES["video"].defaults.strength,
                    min=0.0,
                    max=5.0,
                    step=0.05,
                    tooltip="On top of what the scale predictor finds; 0 is off. Published: 1.0 for video "
                    "and Wan, 0.5 for SDXL. StyleMaster (Wan): 0 is its null style, 1 the published one.",
                ),
                io.Float.Input(
                    "start_at",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Part of the sampling at which the style begins: 0 is pure noise.",
                ),
                io.Float.Input(
                    "end_at",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Part of the sampling at which the style ends: 1 is the finished picture.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(display_name="CONDITIONING", tooltip="The prompt with its style."),
            ],
        )

    @classmethod
    def execute(
        cls, conditioning: Any, style: Any, strength: float, start_at: float, end_at: float
    ) -> io.NodeOutput:
        return io.NodeOutput(apply_style(conditioning, StyleRequest(style, strength, start_at, end_at)))
