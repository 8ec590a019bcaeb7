"""The optimiser of the small family's base: a matrix's step is the same size in all its directions."""

from __future__ import annotations

import pytest
import torch

from lab.family.muon import RMS, Muon, evened
from stylecrafter_core.training.randomness import generator


@pytest.mark.parametrize("shape", [(16, 16), (8, 40), (40, 8)])
def test_singular_values_become_about_one(shape):
    left, _, right = torch.linalg.svd(
        torch.randn(shape, generator=generator(0, "sides")), full_matrices=False
    )
    sizes = torch.logspace(0, -2, min(shape))
    found = torch.linalg.svdvals(evened(left * sizes @ right))
    assert found.min() > 0.5
    assert found.max() < 1.3
    assert ((left @ right) * evened(left * sizes @ right)).sum() / min(shape) == pytest.approx(0.95, abs=0.2)


def test_the_first_step_of_a_kernel_is_its_gradient_with_all_directions_alike():
    kernel = torch.nn.Parameter(torch.zeros(4, 3, 3, 3))
    kernel.grad = torch.randn(4, 3, 3, 3, generator=generator(0, "gradient"))
    Muon([kernel], lr=0.1).step()
    step = evened(kernel.grad.flatten(1)).view(4, 3, 3, 3)
    torch.testing.assert_close(kernel.detach(), -0.1 * RMS * 27**0.5 * step)


def test_vectors_take_the_steps_of_adam():
    target = torch.tensor([1.0, -2.0, 0.5])
    ends = []
    for make in (
        lambda weights: Muon(weights, lr=0.1),
        lambda weights: torch.optim.Adam(weights, lr=0.1, betas=(0.9, 0.99)),
    ):
        vector = torch.nn.Parameter(torch.zeros(3))
        optimiser = make([vector])
        for _ in range(5):
            optimiser.zero_grad()
            (vector - target).square().sum().backward()
            optimiser.step()
        ends.append(vector.detach())
    torch.testing.assert_close(ends[0], ends[1])


def test_what_has_no_gradient_stays():
    used, idle = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2, 2))
    optimiser = Muon([used, idle], lr=0.1)
    used.sum().backward()
    optimiser.step()
    assert torch.equal(idle, torch.ones(2, 2))
    assert not torch.equal(used, torch.ones(2, 2))
    assert list(optimiser.state) == [used]
