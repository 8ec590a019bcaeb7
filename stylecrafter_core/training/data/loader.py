"""Samples decoded ahead, in processes of their own. These import this room only, and no host."""

from __future__ import annotations

from torch.utils.data import DataLoader, Dataset

from ..randomness import generator
from .plan import Plan, Slot
from .samples import Sample, SampleMaker


class _Samples(Dataset):
    """Lets a loader's processes turn slots into samples."""

    def __init__(self, maker: SampleMaker):
        self.maker = maker

    def __getitem__(self, slot: Slot) -> Sample:
        return self.maker(slot)


def loader(maker: SampleMaker, plan: Plan, first: int, end: int, workers: int) -> DataLoader:
    """Lists of samples, one per pass of the steps first .. end − 1. Draws from no global generator.

    Args:
        workers: processes that decode; 0 decodes in this one.
    """
    return DataLoader(
        _Samples(maker),
        batch_sampler=plan.from_step(first, end),
        collate_fn=list,
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        generator=generator(0, "loader"),
    )
