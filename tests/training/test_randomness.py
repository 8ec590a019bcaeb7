"""Random numbers that depend on their purpose alone."""

import random

import pytest
import torch

from stylecrafter_core.training.randomness import generator

PURPOSES = [
    (0, "noise", 3, 1),
    (1, "noise", 3, 1),
    (0, "noise", 1, 3),
    (0, "noise", 31),
    (0, "noise", 3),
    (0, "timestep", 3, 1),
    (0, "noise", "3", 1),
    (0, "noise", -3, 1),
    (0,),
]


def drawn(*purpose: object) -> torch.Tensor:
    return torch.randn(4, generator=generator(*purpose))


def test_the_same_purpose_gives_the_same_numbers():
    for purpose in PURPOSES:
        assert torch.equal(drawn(*purpose), drawn(*purpose))


def test_another_seed_or_purpose_gives_others():
    numbers = {tuple(drawn(*purpose).tolist()) for purpose in PURPOSES}
    assert len(numbers) == len(PURPOSES)


def test_no_global_state_has_a_part_in_it():
    torch.manual_seed(1)
    random.seed(1)
    first, state = drawn(0, "crop", 5), torch.get_rng_state()
    torch.manual_seed(2)
    random.seed(2)
    torch.rand(10)
    assert torch.equal(drawn(0, "crop", 5), first)
    torch.manual_seed(1)
    drawn(0, "crop", 5)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_numbers_are_these_for_all_time():
    """A run that goes on under a newer version must draw what the older one would have drawn."""
    assert generator(0, "noise", 0, 0).initial_seed() == 5244099517281060416  # by sha256sum


def test_numbers_of_neighbouring_steps_are_not_alike():
    rows = torch.stack([torch.randn(2000, generator=generator(0, "noise", step)) for step in range(20)])
    others = torch.corrcoef(rows)[~torch.eye(20, dtype=torch.bool)]
    assert others.abs().max() < 0.12  # 2000 normal numbers: a standard deviation is 0.022
    assert rows.mean() == pytest.approx(0, abs=0.02)
    assert rows.std() == pytest.approx(1, abs=0.02)
