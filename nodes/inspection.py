"""A node that shows what the scale predictor thinks."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..stylecrafter_core.comfy_host.gain_chart import draw_gains, gain_table
from ..stylecrafter_core.comfy_host.inspection import predicted_gains
from .sockets import ADAPTER, STYLE, connected, schema

MORE_STYLES = ("style_2", "style_3", "style_4")


class StyleCrafterScaleInspector(io.ComfyNode):
    """Predicted gains per site, for prompts and styles."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterScaleInspector",
            display_name="Scale Inspector (StyleCrafter)",
            description="Draws how much style each cross-attention gets: rich styles more, long prompts "
            "less. Several prompts and styles make a matrix.",
            search_aliases=["style gains", "scale predictor", "debug style", "attention gains"],
            inputs=[
                ADAPTER.Input("adapter", tooltip="The adapter that the styles were encoded with."),
                io.Clip.Input("clip", tooltip="The text encoder that belongs to the model."),
                io.String.Input("prompts", multiline=True, default="", tooltip="One prompt per line."),
                STYLE.Input("style", tooltip="From Encode Style."),
                *(
                    STYLE.Input(name, optional=True, tooltip="One more style to compare.")
                    for name in MORE_STYLES
                ),
            ],
            outputs=[
                io.Image.Output(display_name="IMAGE", tooltip="Prompts down, styles across, a bar per site."),
                io.String.Output(display_name="text", tooltip="The same as numbers."),
            ],
        )

    @classmethod
    def execute(cls, adapter: Any, clip: Any, prompts: str, style: Any, **more: Any) -> io.NodeOutput:
        adapter = connected(adapter)
        lines = [line.strip() for line in prompts.splitlines() if line.strip()]
        styles = [style, *(more[name] for name in MORE_STYLES if more.get(name) is not None)]
        gains = predicted_gains(adapter, clip, lines, styles)
        return io.NodeOutput(draw_gains(gains, lines), gain_table(gains, lines))
