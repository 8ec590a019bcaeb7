"""One DDIM step against its equations."""

from __future__ import annotations

import pytest
import torch

from stylecrafter_core.ddim import ddim_noise_scale, ddim_step

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
