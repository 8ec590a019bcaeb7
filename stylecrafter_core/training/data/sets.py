"""Manifests to what is trained on and what is held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError
from ..config.schema import Data
from .buckets import assign, bucket_sizes
from .manifest import Item, read_manifest
from .plan import Size


@dataclass(frozen=True)
class DataSet:
    """Items of both kinds, apart; their paths are absolute.

    Attributes:
        images, videos: trained on.
        held_images, held_videos: for validation only.
    """

    images: tuple[Item, ...]
    videos: tuple[Item, ...]
    held_images: tuple[Item, ...]
    held_videos: tuple[Item, ...]


def read_data(config: Data) -> DataSet:
    """All manifests together.

    Raises:
        InputError: a manifest cannot be read.
    """
    items = [item for path in config.manifests for item in read_manifest(path).located()]
    images = [item for item in items if item.kind == "image"]
    # A clip shorter than what is trained on is no clip; preflight lists them.
    videos = [item for item in items if item.kind == "video" and item.frames >= config.frames]
    held_images, images = _held_out(images, config.validation)
    held_videos, videos = _held_out(videos, config.validation)
    return DataSet(tuple(images), tuple(videos), tuple(held_images), tuple(held_videos))


def sizes_in(config: Data) -> tuple[Size, ...]:
    """The sizes that pictures are trained at: the config's one, or buckets of the same area."""
    if config.bucket_step is None:
        return ((config.width, config.height),)
    return bucket_sizes(config.width * config.height, config.bucket_step)


def sizes_of(items: Sequence[Item], config: Data) -> list[Size]:
    """The size that each picture is trained at: of those in the config the nearest."""
    sizes = sizes_in(config)
    return [assign(item.width, item.height, sizes) for item in items]


def require_enough(items: Sequence[Item], kind: str, group: int, processes: int) -> None:
    """Raise InputError where there are none of a kind that is needed, or fewer than processes."""
    if len(items) >= max(1, processes):
        return
    raise InputError(
        f"There are not enough {kind}s to train on.",
        found=f"{len(items)} {kind}s after {kind}s for validation were put aside, {processes} processes",
        expected=f"at least one {kind} for each process, better {group} or more (one step's worth)",
        fix=f"add {kind}s to data.manifests, lower data.validation, or use fewer processes",
    )


def _held_out(items: list[Item], count: int) -> tuple[list[Item], list[Item]]:
    """At most `count` items, and a fifth of all: those with the lowest hashes; and the rest in their order.

    Items of one hash, which several manifests may hold, stay together: what is held out is never trained on.
    """
    room = min(count, len(items) // 5)
    chosen: set[str] = set()
    for sha256, copies in sorted(Counter(item.sha256 for item in items).items()):
        if copies > room:
            break
        chosen.add(sha256)
        room -= copies
    held = [item for item in items if item.sha256 in chosen]
    return held, [item for item in items if item.sha256 not in chosen]
