"""Which sample goes where: a pure function of seed and step, so that any step can be the first one.

A step has `group` slots: passes × processes × samples per pass. A slot's content depends on the seed and on
the step alone, so two passes of 2 samples, two processes of 2 or one pass of 4 see the same 4 samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from ..randomness import generator

Kind = Literal["image", "video"]
Size = tuple[int, int]  # width, height in pixels


@dataclass(frozen=True)
class Layout:
    """How a step is split.

    Attributes:
        passes: per step (gradient accumulation).
        processes: that work side by side.
        rank: which of them this one is.
    """

    passes: int
    processes: int
    rank: int

    def slots(self, index: int, per_pass: int) -> range:
        """The slots that this process computes in pass `index`."""
        first = (index * self.processes + self.rank) * per_pass
        return range(first, first + per_pass)


@dataclass(frozen=True)
class Slot:
    """One sample of one step: which item it shows, at which size."""

    step: int
    number: int
    kind: Kind
    item: int
    size: Size


class Stream:
    """An endless order over items, cut into groups; the items of one group have one size.

    Every epoch each size's items are shuffled and cut; where they do not fill the last group, the epoch's
    first items of that size fill it. Groups of all sizes are shuffled together.

    Args:
        sizes: of every item.
        group: items of one step.
        seed, name: decide the order.
    """

    def __init__(self, sizes: Sequence[Size], group: int, seed: int, name: str):
        self.sizes, self.group, self.seed, self.name = tuple(sizes), group, seed, name
        counts: dict[Size, int] = {}
        for size in self.sizes:
            counts[size] = counts.get(size, 0) + 1
        self.groups_per_epoch = sum(math.ceil(count / group) for count in counts.values())
        self._epoch: tuple[int, list[list[int]]] = (-1, [])

    def group_at(self, index: int) -> list[int]:
        """The items of the index-th group since the start of training."""
        epoch, position = divmod(index, self.groups_per_epoch)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._groups(epoch))
        return self._epoch[1][position]

    def _groups(self, epoch: int) -> list[list[int]]:
        random = generator(self.seed, "order", self.name, epoch)
        by_size: dict[Size, list[int]] = {}
        for item in torch.randperm(len(self.sizes), generator=random).tolist():
            by_size.setdefault(self.sizes[item], []).append(item)
        groups = []
        for size in sorted(by_size):
            items = by_size[size]
            total = math.ceil(len(items) / self.group) * self.group
            filled = [items[i % len(items)] for i in range(total)]
            groups += [filled[i : i + self.group] for i in range(0, total, self.group)]
        return [groups[i] for i in torch.randperm(len(groups), generator=random).tolist()]


def images_before(step: int, image_share: float) -> int:
    """How many of the steps before this one are on pictures: `floor(step · share)`, exact at any step."""
    return math.floor(step * image_share + 1e-9)


@dataclass(frozen=True)
class Plan:
    """All steps of a run.

    Attributes:
        images, videos: None where a stage uses none.
        image_batch, video_batch: samples per pass and process.
        image_share: of the steps, where both are used.
    """

    images: Stream | None
    videos: Stream | None
    image_batch: int
    video_batch: int
    image_share: float
    layout: Layout

    def kind_at(self, step: int) -> Kind:
        """Whether a step is on pictures or on videos; of the first n, floor(n · share) are on pictures."""
        grows = images_before(step + 1, self._share) > images_before(step, self._share)
        return "image" if grows else "video"

    def passes_of(self, step: int) -> Iterator[list[Slot]]:
        """What this process computes in the step: one list of slots per pass."""
        kind = self.kind_at(step)
        before = images_before(step, self._share)
        stream, index = (self.images, before) if kind == "image" else (self.videos, step - before)
        if stream is None:
            raise RuntimeError(f"step {step} is on {kind}s, of which there are none")
        per_pass = self._per_pass(kind)
        items = stream.group_at(index)
        for number in range(self.layout.passes):
            slots = self.layout.slots(number, per_pass)
            yield [Slot(step, slot, kind, items[slot], stream.sizes[items[slot]]) for slot in slots]

    def samples_at(self, step: int) -> int:
        """How many samples are planned for a step, over all passes and processes."""
        return self._per_pass(self.kind_at(step)) * self.layout.passes * self.layout.processes

    def from_step(self, first: int, end: int) -> Iterator[list[Slot]]:
        """All passes of the steps first, first + 1, ..., end - 1."""
        for step in range(first, end):
            yield from self.passes_of(step)

    def _per_pass(self, kind: Kind) -> int:
        return self.image_batch if kind == "image" else self.video_batch

    @property
    def _share(self) -> float:
        if self.images is None or self.videos is None:
            return 0.0 if self.images is None else 1.0
        return self.image_share
