"""The latent that a video starts from, and the file it ends in."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from comfy_api.input_impl import VideoFromComponents, VideoFromFile
from comfy_api.latest import io
from comfy_api.util import VideoComponents

from ..stylecrafter_core.comfy_host.latents import empty_video_latent
from ..stylecrafter_core.comfy_host.saving import metadata_allowed, progress_bar, reserved_save_place
from ..stylecrafter_core.families import FAMILIES
from ..stylecrafter_core.media import (
    FORMATS,
    check_frames,
    format_named,
    metadata_text,
    play_order,
    shown_frames,
    write_video,
)
from .sockets import accepted, schema


class StyleCrafterEmptyVideoLatent(io.ComfyNode):
    """Zeros to sample a video from."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterEmptyVideoLatent",
            display_name="Empty Video Latent (StyleCrafter)",
            description="The empty latent of a video for the StyleCrafter video model. Frames are the batch.",
            search_aliases=["empty latent", "latent video", "video size", "frames"],
            inputs=[
                io.Int.Input(
                    "width",
                    default=FAMILIES["video"].defaults.width,
                    min=64,
                    max=4096,
                    step=8,
                    tooltip="Width in pixels, a multiple of 8. The video model was trained at 512.",
                ),
                io.Int.Input(
                    "height",
                    default=FAMILIES["video"].defaults.height,
                    min=64,
                    max=4096,
                    step=8,
                    tooltip="Height in pixels, a multiple of 8. The video model was trained at 320.",
                ),
                io.Int.Input(
                    "frames",
                    default=FAMILIES["video"].defaults.frames,
                    min=1,
                    max=4096,
                    tooltip="Frames of one video. The model was trained with 16; more need context windows.",
                ),
                io.Int.Input(
                    "batch_size", default=1, min=1, max=64, tooltip="How many videos are made at once."
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="LATENT", tooltip="All frames of all videos, one after the other."
                ),
            ],
        )

    @classmethod
    def execute(cls, width: int, height: int, frames: int, batch_size: int) -> io.NodeOutput:
        return io.NodeOutput(
            {"samples": empty_video_latent(width, height, frames, batch_size), "frames": frames}
        )


class StyleCrafterVideoCombine(io.ComfyNode):
    """Frames to a file, shown in the node."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="StyleCrafterVideoCombine",
            display_name="Video Combine (StyleCrafter)",
            description="Writes frames to a video, an animated picture or numbered pictures.",
            search_aliases=[
                "save video",
                "create video",
                "export video",
                "mp4",
                "webm",
                "gif",
                "animated webp",
            ],
            inputs=[
                io.Image.Input("images", tooltip="The frames, in order."),
                io.Float.Input(
                    "frame_rate",
                    default=8.0,
                    min=0.1,
                    max=120.0,
                    step=0.01,
                    tooltip="Frames per second. The video model makes 8.",
                ),
                io.Int.Input(
                    "loop_count",
                    default=0,
                    min=0,
                    max=65535,
                    tooltip="How often a webp or gif plays; 0 is for ever. Others leave it to the player.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="StyleCrafter",
                    tooltip="Start of the file name; may hold folders, %date:yyyy-MM-dd%, "
                    "%StyleCrafterSampler.seed%, %width%, %height%.",
                ),
                io.Combo.Input(
                    "format",
                    options=list(FORMATS),
                    default="mp4",
                    tooltip="mp4: h264, plays everywhere. webm: VP9. webp: keeps transparency. gif: 255 "
                    "colours, cannot hold the workflow. png: a folder of numbered pictures, without loss.",
                ),
                io.Boolean.Input(
                    "pingpong",
                    default=False,
                    tooltip="Play forwards, then backwards, so that a loop has no jump.",
                ),
                io.Boolean.Input(
                    "save_output",
                    default=True,
                    tooltip="On: into the output folder. Off: into the temp folder, which ComfyUI empties.",
                ),
                io.Int.Input(
                    "crf",
                    default=19,
                    min=0,
                    max=63,
                    tooltip="Loss of mp4 (0 to 51), webm (0 to 63) and webp: lower is better. mp4 at 0 "
                    "has no loss, and browsers do not play it; use 1.",
                ),
                io.Boolean.Input(
                    "save_metadata",
                    default=True,
                    tooltip="Keep the workflow in the file: dropped on ComfyUI, it opens again.",
                ),
                io.Audio.Input(
                    "audio", optional=True, tooltip="Sound for mp4 and webm; cut where the video ends."
                ),
            ],
            outputs=[
                io.Video.Output(display_name="VIDEO", tooltip="The video, for other video nodes."),
                io.String.Output(
                    display_name="path", tooltip="Where the file is; for png, where the first picture is."
                ),
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, format: str | None) -> str | bool:
        """The host checks neither this list nor that of any other node of its newer kind."""
        return accepted(format_named, format)

    @classmethod
    def execute(
        cls,
        images: Any,
        frame_rate: float,
        loop_count: int,
        filename_prefix: str,
        format: str,
        pingpong: bool,
        save_output: bool,
        crf: int,
        save_metadata: bool,
        audio: dict[str, Any] | None = None,
    ) -> io.NodeOutput:
        check_frames(images)
        kind = format_named(format)
        _, height, width, _ = images.shape
        with reserved_save_place(
            filename_prefix, kind.extension, width=width, height=height, keep=save_output
        ) as place:
            written = write_video(
                images,
                place.path,
                format=format,
                frame_rate=frame_rate,
                loop_count=loop_count,
                pingpong=pingpong,
                crf=crf,
                metadata=cls._metadata() if save_metadata and metadata_allowed() else None,
                audio=(audio["waveform"], audio["sample_rate"]) if audio else None,
                progress=progress_bar(len(play_order(len(images), pingpong))),
            )
        video = (
            VideoFromFile(str(written.path))
            if kind.is_video
            else _as_components(shown_frames(images, pingpong=pingpong), written.frame_rate, audio)
        )
        shown = {"images": [place.reference(file) for file in written.files], "animated": (kind.is_animated,)}
        return io.NodeOutput(video, str(written.files[0]), ui=shown)

    @classmethod
    def _metadata(cls) -> dict[str, str]:
        values = {**(cls.hidden.extra_pnginfo or {}), "prompt": cls.hidden.prompt}
        return metadata_text({name: value for name, value in values.items() if value is not None})


def _as_components(images: Any, frame_rate: Fraction, audio: dict[str, Any] | None) -> VideoFromComponents:
    return VideoFromComponents(VideoComponents(images=images, audio=audio, frame_rate=frame_rate))
