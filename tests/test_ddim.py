"""One DDIM step against its equations."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from stylecrafter_core.ddim import ddim_noise_scale, ddim_step

GOLDEN = Path(__file__).parent / "golden" / "video_a"
NOW, NEXT = torch.tensor(0.3, dtype=torch.float64), torch.tensor(0.6, dtype=torch.float64)
X0, EPS, Z = torch.randn(3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
X = NOW.sqrt() * X0 + (1 - NOW).sqrt() * EPS


def test_deterministic_step_moves_along_the_same_noise() -> None:
    expected = NEXT.sqrt() * X0 + (1 - NEXT).sqrt() * EPS
    torch.testing.assert_close(ddim_step(X, X0, NOW, NEXT, 0.0, None), expected)


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_noisy_step_keeps_the_total_variance(eta: float) -> None:
    sigma = ddim_noise_scale(NOW, NEXT, eta)
    expected = NEXT.sqrt() * X0 + (1 - NEXT - sigma**2).sqrt() * EPS + sigma * Z
    torch.testing.assert_close(ddim_step(X, X0, NOW, NEXT, eta, Z), expected)


def test_eta_one_is_the_ddpm_posterior() -> None:
    alpha = NOW / NEXT
    posterior_variance = (1 - NEXT) / (1 - NOW) * (1 - alpha)
    torch.testing.assert_close(ddim_noise_scale(NOW, NEXT, 1.0) ** 2, posterior_variance)


def test_a_step_to_the_clean_sample_adds_no_noise() -> None:
    one = torch.ones((), dtype=torch.float64)
    torch.testing.assert_close(ddim_step(X, X0, NOW, one, 1.0, Z), X0)


def test_a_step_nowhere_changes_nothing() -> None:
    torch.testing.assert_close(ddim_step(X, X0, NOW, NOW, 1.0, Z), X)


def test_with_eta_zero_the_noise_does_not_count() -> None:
    assert torch.equal(ddim_step(X, X0, NOW, NEXT, 0.0, Z), ddim_step(X, X0, NOW, NEXT, 0.0, None))
    assert ddim_noise_scale(NOW, NEXT, 0.0) == 0


def test_steps_with_the_true_noise_end_at_the_true_sample_whatever_the_schedule() -> None:
    """The recorded schedule, in the 50 released steps 981, 961, ..., 1, then timestep 0."""
    recorded = load_file(GOLDEN / "expected.safetensors")["alphas_cumprod"].double()
    timesteps = [*range(981, 0, -20), 0]
    assert len(timesteps) == 51
    x = recorded[981].sqrt() * X0 + (1 - recorded[981]).sqrt() * EPS
    for now, after in itertools.pairwise(timesteps):
        x = ddim_step(x, X0, recorded[now], recorded[after], 0.0, None)
    torch.testing.assert_close(x, recorded[0].sqrt() * X0 + (1 - recorded[0]).sqrt() * EPS)
