"""Nodes that load: video model, style adapter, image encoder; and the one that patches a model."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..stylecrafter_core.comfy_host.adapter import HostAdapter
from ..stylecrafter_core.comfy_host.load import load_video_model
from ..stylecrafter_core.comfy_host.patch import patch_model
from ..stylecrafter_core.comfy_host.vision import load_image_encoder
from .model_files import FOLDER, NONE, choices, missing, path_of
from .sockets import ADAPTER, connected, schema

ADAPTER_TOOLTIP = "Style adapter in models/stylecrafter, for example adapter_v1.pth."


class StyleCrafterVideoModelLoader(io.ComfyNode):
    """A VideoCrafter base with style adapter and temporal weights."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterVideoModelLoader",
            display_name="Load Video Model (StyleCrafter)",
            description="Loads the VideoCrafter base, patches the style adapter in and swaps the temporal "
            "weights. CLIP and VAE come from the same file; they stay empty where it holds none.",
            search_aliases=["videocrafter", "text to video", "style video", "load checkpoint"],
            inputs=[
                io.Combo.Input(
                    "ckpt_name",
                    options=choices("checkpoints"),
                    tooltip="Video base in models/checkpoints: model.ckpt of VideoCrafter Text2Video-512.",
                ),
                io.Combo.Input(
                    "adapter_name",
                    options=[NONE, *choices(FOLDER)],
                    tooltip=f"{ADAPTER_TOOLTIP} none: the plain video model.",
                ),
                io.Combo.Input(
                    "temporal_name",
                    options=[NONE, *choices(FOLDER)],
                    tooltip="Temporal weights in models/stylecrafter: temporal_v1_1.pth (no watermark). "
                    "none: those of the base.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="MODEL", tooltip="The video model, adapter included."),
                io.Clip.Output(display_name="CLIP", tooltip="Its text encoder; empty if the file has none."),
                io.Vae.Output(display_name="VAE", tooltip="Its autoencoder; empty if the file has none."),
                ADAPTER.Output(display_name="adapter", tooltip="For Encode Style; empty if none was chosen."),
            ],
        )

    @classmethod
    def validate_inputs(cls, ckpt_name: str, adapter_name: str, temporal_name: str) -> str | bool:
        return missing(
            ckpt_name=("checkpoints", ckpt_name),
            adapter_name=(FOLDER, adapter_name),
            temporal_name=(FOLDER, temporal_name),
        )

    @classmethod
    def execute(cls, ckpt_name: str, adapter_name: str, temporal_name: str) -> io.NodeOutput:
        base = path_of("ckpt_name", "checkpoints", ckpt_name)
        adapter = None if adapter_name == NONE else _adapter(adapter_name)
        temporal = None if temporal_name == NONE else path_of("temporal_name", FOLDER, temporal_name)
        return io.NodeOutput(*load_video_model(base, adapter, temporal), adapter)


class StyleCrafterAdapterLoader(io.ComfyNode):
    """A style adapter on its own, to patch into any fitting model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterAdapterLoader",
            display_name="Load Style Adapter (StyleCrafter)",
            description="Loads a style adapter of any published or own format, recognised by its content.",
            search_aliases=["style adapter", "ip adapter", "style model", "load adapter"],
            inputs=[
                io.Combo.Input("adapter_name", options=choices(FOLDER), tooltip=ADAPTER_TOOLTIP),
            ],
            outputs=[
                ADAPTER.Output(display_name="adapter", tooltip="For Encode Style and Patch Model."),
            ],
        )

    @classmethod
    def validate_inputs(cls, adapter_name: str) -> str | bool:
        return missing(adapter_name=(FOLDER, adapter_name))

    @classmethod
    def execute(cls, adapter_name: str) -> io.NodeOutput:
        return io.NodeOutput(_adapter(adapter_name))


class StyleCrafterPatchModel(io.ComfyNode):
    """The adapter into a model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterPatchModel",
            display_name="Patch Model with Style Adapter (StyleCrafter)",
            description="Makes a model understand styles. LoRA, ControlNet and other patches may stand "
            "before or after it. An adapter that was there before is replaced.",
            search_aliases=["apply adapter", "apply style model", "ip adapter"],
            inputs=[
                io.Model.Input("model", tooltip="A model of the family that the adapter was made for."),
                ADAPTER.Input("adapter", tooltip="The style adapter."),
            ],
            outputs=[io.Model.Output(display_name="MODEL", tooltip="The model with the adapter.")],
        )

    @classmethod
    def execute(cls, model: Any, adapter: Any) -> io.NodeOutput:
        return io.NodeOutput(patch_model(model, connected(adapter)))


class StyleCrafterImageEncoderLoader(io.ComfyNode):
    """An image encoder of any size."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterImageEncoderLoader",
            display_name="Load Image Encoder (StyleCrafter)",
            description="Loads a CLIP vision tower of any size. For the usual ViT-H file the host's own "
            "Load CLIP Vision does as well.",
            search_aliases=["clip vision", "load clip vision", "vision tower"],
            inputs=[
                io.Combo.Input(
                    "encoder_name",
                    options=choices("clip_vision"),
                    tooltip="Image encoder in models/clip_vision: CLIP ViT-H/14 (laion2b) for the published "
                    "adapters.",
                ),
            ],
            outputs=[io.ClipVision.Output(display_name="CLIP_VISION", tooltip="For Encode Style.")],
        )

    @classmethod
    def validate_inputs(cls, encoder_name: str) -> str | bool:
        return missing(encoder_name=("clip_vision", encoder_name))

    @classmethod
    def execute(cls, encoder_name: str) -> io.NodeOutput:
        return io.NodeOutput(load_image_encoder(path_of("encoder_name", "clip_vision", encoder_name)))


def _adapter(adapter_name: str) -> HostAdapter:
    return HostAdapter.from_file(path_of("adapter_name", FOLDER, adapter_name))
