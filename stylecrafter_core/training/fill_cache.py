"""`train.py cache`: what frozen encoders say of pictures, clips and captions, computed once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..errors import InputError
from .config import Config
from .config.schema import Data, Engine
from .data.cache import ENTRIES_PER_FILE, LatentCache, TextCache, claim
from .data.manifest import Item
from .data.plan import Size
from .data.samples import Cutting, Targets
from .data.sets import DataSet, read_data, sizes_of
from .host.frozen_base import FrozenBase
from .run import engine_for
from .setup import cache_owner, cutting_of, load

log = logging.getLogger(__name__)

SECONDS_PER_FILE = 60.0  # so much work is lost at most when the command is killed
SECONDS_PER_LINE = 10.0  # of progress


def fill_cache(config: Config, *, cpu: bool) -> str:
    """Latents (float16) of pictures and clips at their sizes and text states of captions into `data.cache`.

    What is there already stays; a command that was killed goes on where it stopped. Where a video has room
    for more than one clip, another is cut every time: only its caption is kept.

    Args:
        cpu: the host computes on the CPU.

    Returns:
        What was added, for people.

    Raises:
        InputError: `data.cache` is not given, or the folder is another base's cache.
    """
    folder = config.data.cache
    if folder is None:
        raise InputError(
            "There is no place for the cache.",
            found="data.cache is not set",
            expected="a folder",
            fix="--set data.cache=FOLDER, in this command and in those that train",
        )
    with engine_for(config.model_copy(update={"engine": Engine()}), cpu) as engine:
        if not engine.is_main:
            return "The main process fills the cache."
        data = read_data(config.data)
        base = load(config.base)
        claim(folder, cache_owner(base))
        return "\n".join(
            [
                f"Cache {folder}",
                _add_latents(folder, data, config, base),
                _add_captions(folder, data, base),
            ]
        )


def captions_of(data: DataSet) -> list[str]:
    """Every caption once, held-out ones and the empty one included."""
    items = (*data.images, *data.held_images, *data.videos, *data.held_videos)
    return sorted({"", *(item.caption for item in items)})


def latents_of(
    data: DataSet, section: Data, cutting: Cutting, frames_per_latent: int
) -> dict[str, tuple[Item, Size]]:
    """What can be encoded once, by the name of its entry: pictures, and videos that are one clip each.

    No clips where the autoencoder does not know their length; see `setup.check_frames`.
    """
    pictures, videos = (*data.images, *data.held_images), (*data.videos, *data.held_videos)
    if (section.frames - 1) % frames_per_latent:
        videos = ()
    sizes = (*sizes_of(pictures, section), *((section.width, section.height) for _ in videos))
    return {
        name: (item, size)
        for item, size in zip((*pictures, *videos), sizes, strict=True)
        if (name := cutting.entry(item, size)) is not None
    }


def _add_latents(folder: Path, data: DataSet, config: Config, base: FrozenBase) -> str:
    cache, cutting = LatentCache(folder), cutting_of(config, base, clip_tokens="")
    wanted = latents_of(data, config.data, cutting, base.frames_per_latent)
    missing = [(name, *entry) for name, entry in wanted.items() if name not in cache]
    workers = config.data.workers
    targets = DataLoader(
        Targets(missing, cutting),
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
    )
    failures = []
    with CacheWriter(cache.add, "pictures and clips", len(missing)) as writer:
        for name, target in targets:
            if isinstance(target, str):
                failures.append(target)
            else:
                writer.put(name, _half(base.encode_pixels(target)))
    left_out = "".join(f"\n  left out: {failure}" for failure in failures)
    return f"  {len(wanted)} pictures and clips, {len(missing) - len(failures)} of them new{left_out}"


def _add_captions(folder: Path, data: DataSet, base: FrozenBase) -> str:
    cache, captions = TextCache(folder), captions_of(data)
    missing = [caption for caption in captions if TextCache.name(caption) not in cache.tokens]
    pooled: dict[str, Tensor] = {}

    def add(tokens: Mapping[str, Tensor]) -> None:
        # First what belongs to the tokens: a caption counts as done when its tokens are there.
        if pooled:
            cache.pooled.add(pooled)
            pooled.clear()
        cache.tokens.add(tokens)

    with CacheWriter(add, "captions", len(missing)) as writer:
        for caption in missing:
            tokens, of_whole_text = base.encode_text(caption)
            if of_whole_text is not None:
                pooled[TextCache.name(caption)] = of_whole_text.contiguous()
            writer.put(TextCache.name(caption), _half(tokens))
    return f"  {len(captions)} captions, {len(missing)} of them new"


class CacheWriter:
    """Gathers entries and writes them, many to a file.

    Args:
        add: writes entries, whole or not at all.
        what, total: for lines of progress.
    """

    def __init__(self, add: Callable[[Mapping[str, Tensor]], None], what: str, total: int):
        self.add, self.what, self.total, self.done = add, what, total, 0
        self.entries: dict[str, Tensor] = {}
        self.written = self.shown = time.monotonic()

    def __enter__(self) -> CacheWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None or kind is KeyboardInterrupt:
            self._write()

    def put(self, name: str, tensor: Tensor) -> None:
        """One more entry."""
        self.entries[name] = tensor
        self.done += 1
        now = time.monotonic()
        if len(self.entries) >= ENTRIES_PER_FILE or now - self.written > SECONDS_PER_FILE:
            self._write()
        if now - self.shown > SECONDS_PER_LINE or self.done == self.total:
            self.shown = now
            log.info("cache: %d of %d %s", self.done, self.total, self.what)

    def _write(self) -> None:
        if self.entries:
            self.add(self.entries)
        self.entries, self.written = {}, time.monotonic()


def _half(tensor: Tensor) -> Tensor:
    return tensor.to("cpu", torch.float16).contiguous()
