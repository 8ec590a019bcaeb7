"""What kind of weight file this is, by the names and shapes of its tensors; never by the file's name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from ..errors import WeightFileError
from ..families import FAMILIES, Published
from ..families.published import without_prefix
from .checks import LONGEST_SHOWN
from .official_temporal import POSITION_TABLE
from .own import ADAPTER, TEMPORAL, is_own
from .video_base import unet_prefix

Part = Literal["video base checkpoint", "style adapter", "temporal file"]


@dataclass(frozen=True)
class Kind:
    """A kind of file that is read.

    Attributes:
        words: what it is.
        part: what it holds.
        published: how to read it, for a published adapter.
    """

    words: str
    part: Part
    published: Published | None = None


VIDEO_BASE = Kind("video base checkpoint", "video base checkpoint")
TEMPORAL_PUBLISHED = Kind("temporal file, as published", "temporal file")
OWN_ADAPTER = Kind("style adapter in StyleCrafter's own format", "style adapter")
OWN_TEMPORAL = Kind("temporal file in StyleCrafter's own format", "temporal file")

PLACES: dict[Part, str] = {
    "style adapter": "select it under adapter_name (folder models/stylecrafter)",
    "temporal file": "select it under temporal_name (folder models/stylecrafter)",
    "video base checkpoint": "select it under ckpt_name (folder models/checkpoints)",
}

# Names that give other well-known files away, the more particular ones first; and what those are for.
OTHER_FILES = (
    (r"lora_(up|down|A|B)\b|lora\.(up|down)\b", "a LoRA", "load it with a LoRA loader"),
    (r"^ip_adapter\.|^image_proj\.", "an IP-Adapter", "load it with an IP-Adapter loader"),
    (r"motion_modules\.", "an AnimateDiff motion module", "StyleCrafter's video model is VideoCrafter1"),
    (r"control_model\.|zero_convs\.|controlnet_", "a ControlNet", "load it with a ControlNet loader"),
    (
        r"\.temopral_conv\.",
        "a later VideoCrafter model, with temporal convolutions",
        "use the VideoCrafter1 checkpoint, Text2Video-512",
    ),
    (
        r"relative_position_[kv]\.weight$",
        "a video model that was saved before StyleCrafter gave its weights their published names",
        "load the files that it was made from, and save it again",
    ),
    (
        r"^(model\.diffusion_model\.)?blocks\.\d+\.cross_attn\.",
        "a Wan model without a style adapter",
        "load it with Load Diffusion Model",
    ),
    (
        r"^model\.diffusion_model\.",
        "an image checkpoint without the video model's temporal blocks",
        "load it with the checkpoint loader, or use the VideoCrafter1 checkpoint for video",
    ),
    (
        r"^(input_blocks|middle_block)\.",
        "a U-Net without temporal blocks",
        "use the VideoCrafter1 checkpoint",
    ),
    (r"^down_blocks\.\d+\.resnets\.", "a U-Net in diffusers' names", "use the published checkpoint file"),
    (r"^visual\.|^vision_model\.", "a CLIP image encoder", "load it with an image encoder loader"),
    (r"^text_model\.|^cond_stage_model\.", "a text encoder", "load it with a CLIP loader"),
    (r"^(first_stage_model\.)?decoder\.(conv_in|mid)\.", "a VAE", "load it with a VAE loader"),
)


def detect(tensors: Mapping[str, Tensor], metadata: Mapping[str, str], file: str | Path = "The file") -> Kind:
    """The kind of file that holds these tensors; tensors on the meta device are fine.

    Args:
        tensors: flat, by the file's own names.
        metadata: the header of a safetensors file, else empty.
        file: shown in the message.

    Raises:
        WeightFileError: none of the kinds; says what the file seems to be where that can be told.
    """
    if is_own(metadata):
        return _own_kind(metadata.get("kind", ""), file)
    adapter = _published_adapter(without_prefix(tensors))
    if adapter is not None:
        return adapter
    if is_video_base(tensors):
        return VIDEO_BASE
    if any(map(POSITION_TABLE.fullmatch, tensors)):
        return TEMPORAL_PUBLISHED
    raise _unknown(tensors, file)


def is_video_base(tensors: Mapping[str, Tensor]) -> bool:
    """Whether these are a whole U-Net with the video family's temporal blocks."""
    whole_unet = f"{unet_prefix(tensors)}input_blocks.0.0.weight" in tensors
    return whole_unet and any(map(POSITION_TABLE.fullmatch, tensors))


def published_kind(published: Published) -> Kind:
    """The kind of a family's published adapter."""
    return Kind(published.words, "style adapter", published)


def check_kind(kind: Kind, wanted: Part, file: str | Path) -> None:
    """Raise WeightFileError unless `kind` is wanted; the message says where a file of its kind belongs."""
    if kind.part != wanted:
        raise WeightFileError(
            f"{file} is not a {wanted}.",
            found=f"this is a {kind.words}",
            expected=f"a {wanted}",
            fix=PLACES[kind.part],
        )


def _published_adapter(names: Iterable[str]) -> Kind | None:
    for family in FAMILIES.values():
        if family.published is not None and family.published.recognises(names):
            return published_kind(family.published)
    return None


def _own_kind(kind: str, file: str | Path) -> Kind:
    kinds = {ADAPTER: OWN_ADAPTER, TEMPORAL: OWN_TEMPORAL}
    if kind in kinds:
        return kinds[kind]
    raise WeightFileError(
        f"{file} is in StyleCrafter's own format, but of a kind unknown here.",
        found=f"kind {kind[:100]!r}",
        expected=f"kind {' or '.join(kinds)}",
        fix="update StyleCrafter",
    )


def _unknown(names: Iterable[str], file: str | Path) -> WeightFileError:
    names = list(names)
    expected = "a VideoCrafter1 checkpoint, a StyleCrafter adapter or a StyleCrafter temporal file"
    for pattern, what, fix in OTHER_FILES:
        if any(re.search(pattern, name) for name in names):
            return WeightFileError(
                f"{file} is not a StyleCrafter file.",
                found=f"{what}, by its {len(names)} tensor names",
                expected=expected,
                fix=fix,
            )
    listed = ", ".join(name[:LONGEST_SHOWN] for name in names[:3]) + (", ..." if len(names) > 3 else "")
    return WeightFileError(
        f"{file} is of a kind unknown here.",
        found=f"{len(names)} tensors: {listed}",
        expected=expected,
        fix="choose a published file, or one that StyleCrafter has saved",
    )
