"""One slot of the plan to tensors: decode, cut, take the style crop. Runs in the loader's processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...errors import MediaError
from ...features import contract_named
from ...spec import SizeIds
from ..randomness import generator
from .cache import LatentCache
from .clips import read_frames
from .crops import centre_square, style_crop, target_clip
from .found import IMAGE
from .manifest import Item, item_name, read_bytes
from .pictures import read_picture
from .plan import Size, Slot


def decode_picture(data: bytes, at_least: Size | None = None) -> Tensor:
    """The bytes of a picture to [H, W, 3] uint8: RGB, upright, transparency over white, 16-bit grey to 8.

    Args:
        at_least: see `read_picture`.

    Raises:
        MediaError: it cannot be decoded; the message says why.
    """
    return torch.from_numpy(read_picture(data, at_least).pixels)


def decode_clip(source: Path | bytes, start: int, count: int, stride: int) -> Tensor:
    """Frames start, start + stride, ... of a video, by exact index: [count, H, W, 3] uint8.

    Args:
        source: a video file, or its bytes.
        start: index of the first frame, from 0 in the order of play.
        count: frames to return, from 1.
        stride: from one index to the next, from 1.

    Raises:
        MediaError: the video ends early or cannot be decoded.
    """
    return torch.from_numpy(read_frames(source, range(start, start + count * stride, stride)))


@dataclass(frozen=True)
class Sample:
    """What is trained on, or the reason why it cannot be.

    Attributes:
        slot: of the plan.
        caption: cleaned.
        frames: [T, 3, H, W] in 0..1, or cached latents [T', C, h, w]; T is 1 for a picture.
        cached: whether `frames` are latents.
        style: [3, S, S], what the image encoder reads.
        sizes: for SDXL.
        failure: why the item could not be read, else None; tensors are zeros then and must count nothing.
    """

    slot: Slot
    caption: str
    frames: Tensor
    cached: bool
    style: Tensor
    sizes: SizeIds
    failure: str | None = None


@dataclass(frozen=True)
class Cutting:
    """How samples are cut; see the config's section `data`.

    Attributes:
        seed: of the run.
        augments: the style crop is random; else the centre of the picture.
        short_side, crop: of the style crop, in pixels.
        clip_tokens: contract of the image encoder's preprocessing, see `features`.
        style_pixels: side of the picture that the image encoder reads.
        frames, stride, fps: of clips; fps, where given, decides the stride for each video.
    """

    seed: int
    augments: bool
    short_side: int
    crop: int
    clip_tokens: str
    style_pixels: int
    frames: int
    stride: int
    fps: float | None

    def at_least(self, size: Size) -> Size:
        """Width and height that a picture must have for a target of that size and its style crop."""
        side = self.short_side if self.augments else self.crop
        return max(size[0], side), max(size[1], side)

    def stride_of(self, item: Item) -> int:
        """Frames of the file from one frame of the clip to the next, at most what the file has room for."""
        wanted = self.stride
        if self.fps is not None and item.fps:
            wanted = max(1, round(item.fps / self.fps))
        return max(1, min(wanted, (item.frames - 1) // (self.frames - 1)))

    def starts(self, item: Item) -> int:
        """From how many frames of a video a clip may begin."""
        return max(1, item.frames - self.stride_of(item) * (self.frames - 1))

    def entry(self, item: Item, size: Size) -> str | None:
        """Name of what the cache may hold; None for a video from which other frames are cut every time."""
        if item.kind == IMAGE:
            return LatentCache.name(item, size)
        if self.starts(item) > 1:
            return None
        return LatentCache.name_of_clip(item, size, self.frames, self.stride_of(item))

    def decode(self, item: Item, size: Size, start: int) -> Tensor:
        """[T, H, W, 3] uint8: a picture, large enough for the size, or the clip that begins at that frame."""
        if item.kind == IMAGE:
            return decode_picture(read_bytes(item), self.at_least(size))[None]
        return decode_clip(read_bytes(item), start, self.frames, self.stride_of(item))


class SampleMaker(Dataset):
    """`maker[slot]`: slots to samples. A broken file gives a sample with its reason, never another picture.

    Args:
        images, videos: the items that slots count through; their paths are absolute.
        cutting: how.
        cache: latents computed before; None computes them anew.
    """

    def __init__(
        self,
        images: Sequence[Item],
        videos: Sequence[Item],
        cutting: Cutting,
        cache: LatentCache | None,
    ):
        self.items = {"image": tuple(images), "video": tuple(videos)}
        self.cutting = cutting
        self.cache = cache

    def __getitem__(self, slot: Slot) -> Sample:
        item = self.items[slot.kind][slot.item]
        try:
            return self._read(slot, item)
        except (MediaError, OSError) as problem:
            frames = 1 if slot.kind == IMAGE else self.cutting.frames
            side = self.cutting.style_pixels
            return Sample(
                slot,
                "",
                torch.zeros(frames, 3, slot.size[1], slot.size[0]),
                False,
                torch.zeros(3, side, side),
                size_ids(item, slot.size),
                failure=f"{item_name(item)}: {' '.join(str(problem).splitlines())}",
            )

    def _read(self, slot: Slot, item: Item) -> Sample:
        random = generator(self.cutting.seed, "crop", slot.step, slot.number)
        start = 0
        if slot.kind != IMAGE:
            start = int(torch.randint(self.cutting.starts(item), (), generator=random))
        frames = self.cutting.decode(item, slot.size, start)
        entry = self.cutting.entry(item, slot.size)
        latents = None if self.cache is None or entry is None else self.cache.get(entry)
        target = target_clip(frames, *slot.size) if latents is None else latents
        which = int(torch.randint(len(frames), (), generator=random))
        style = self._style(frames[which], random)
        return Sample(slot, item.caption, target, latents is not None, style, size_ids(item, slot.size))

    def _style(self, picture_HW3: Tensor, random: torch.Generator) -> Tensor:
        cutting = self.cutting
        if cutting.augments:
            square = style_crop(picture_HW3, random, cutting.short_side, cutting.crop)
        else:
            square = centre_square(picture_HW3, cutting.crop)
        contract = contract_named(cutting.clip_tokens)
        return contract.preprocess(square[None], cutting.style_pixels)[0]


class Targets(Dataset):
    """What the base encodes for the cache: an entry's name and [T, 3, H, W] in 0..1, or why there is none.

    Args:
        wanted: names of entries with their items and sizes.
        cutting: of the samples that will read the cache, so that they would see the same pixels.
    """

    def __init__(self, wanted: Sequence[tuple[str, Item, Size]], cutting: Cutting):
        self.wanted, self.cutting = wanted, cutting

    def __len__(self) -> int:
        return len(self.wanted)

    def __getitem__(self, index: int) -> tuple[str, Tensor | str]:
        name, item, size = self.wanted[index]
        try:
            return name, target_clip(self.cutting.decode(item, size, 0), *size)
        except MediaError as problem:
            return name, f"{item_name(item)}: {problem.what} {problem.found}"


def size_ids(item: Item, size: Size) -> SizeIds:
    """The ids of a picture that covers `size` and is cut to its centre.

    Differs: the published trainer gives SDXL width and height of the original exchanged.
    """
    width, height = size
    scale = max(width / item.width, height / item.height)
    left, top = ((round(side * scale) - to) // 2 for side, to in ((item.width, width), (item.height, height)))
    return SizeIds(item.width, item.height, max(0, left), max(0, top), width, height)
