"""The graphics card that is not there refuses what a card refuses, and counts what lives on it."""

from __future__ import annotations

import pytest
import torch
from fake_card.card import CARD, FakeCard
from small_family import run_script
from torch._subclasses.fake_tensor import DataDependentOutputException


def test_the_card_refuses_what_a_card_refuses():
    with torch.no_grad(), FakeCard():
        on_card = torch.randn(2, 2, device="cuda", dtype=torch.float16)
        with pytest.raises(RuntimeError, match="device"):
            on_card @ torch.randn(2, 2, dtype=torch.float16)
        with pytest.raises(RuntimeError, match="dtype"):
            on_card @ on_card.float()
        with pytest.raises(DataDependentOutputException):
            on_card.sum().item()


def test_known_values_can_be_read_and_the_wait_is_noted():
    with torch.no_grad(), FakeCard() as card:
        sigmas = torch.tensor([3.0, 1.0]).to(CARD)
        assert card.waits == []
        assert float(sigmas[1] * 2) == 2.0
        assert [file for file, _ in card.waits] == [__file__]


def test_memory_counts_what_lives():
    with torch.no_grad(), FakeCard() as card:
        kept = torch.empty(2**20, device="cuda", dtype=torch.float16)
        view, passing = kept[1:], torch.empty(2**20, device="cuda")
        del passing
        assert view.device == CARD
        assert (card.meter.live, card.meter.peak) == (2**21, 2**21 + 2**22)


@pytest.mark.skipif(torch.version.cuda is None, reason="torch is built without CUDA")
def test_whole_jobs_run_at_full_size(host):
    run_script("fake_card_run.py", host.path)
