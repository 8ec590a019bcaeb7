"""Noising and the loss, against formulas written out here."""

import math

import pytest
import torch

from stylecrafter_core.training.objective import (
    Schedule,
    draw_kept,
    draw_noise,
    draw_timesteps,
    loss_per_sample,
)

ALPHA_BAR = [0.99, 0.64, 0.36, 0.01]
EPS = Schedule(torch.tensor(ALPHA_BAR, dtype=torch.float64), predicts_velocity=False)
V = Schedule(torch.tensor(ALPHA_BAR, dtype=torch.float64), predicts_velocity=True)
SHAPE = (3, 2, 4, 4)  # frames, channels, height, width


def sample(seed: int) -> torch.Tensor:
    return torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


LATENTS, NOISE = sample(0), sample(1)


@pytest.mark.parametrize("schedule", [EPS, V], ids=["eps", "v"])
def test_noise_is_added_by_the_schedule(schedule):
    noisy = schedule.add_noise(LATENTS, NOISE, torch.tensor([1, 2]))
    assert torch.allclose(noisy[0], 0.8 * LATENTS[0] + 0.6 * NOISE[0], atol=1e-12)
    assert torch.allclose(noisy[1], 0.6 * LATENTS[1] + 0.8 * NOISE[1], atol=1e-12)


def test_the_target_is_the_noise():
    assert torch.equal(EPS.target(LATENTS, NOISE, torch.tensor([1, 2])), NOISE)


def test_the_target_is_the_velocity():
    target = V.target(LATENTS, NOISE, torch.tensor([1, 2]))
    assert torch.allclose(target[0], 0.8 * NOISE[0] - 0.6 * LATENTS[0], atol=1e-12)
    assert torch.allclose(target[1], 0.6 * NOISE[1] - 0.8 * LATENTS[1], atol=1e-12)


def test_velocity_and_noisy_latents_give_latents_and_noise_back():
    times = torch.tensor([0, 3])
    noisy, velocity = V.add_noise(LATENTS, NOISE, times), V.target(LATENTS, NOISE, times)
    for row, alpha_bar in enumerate((0.99, 0.01)):
        signal, spread = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
        assert torch.allclose(signal * noisy[row] - spread * velocity[row], LATENTS[row], atol=1e-12)
        assert torch.allclose(spread * noisy[row] + signal * velocity[row], NOISE[row], atol=1e-12)


def test_min_snr_weights_of_noise():
    # SNR: 99, 16/9, 9/16, 1/99
    weights = EPS.min_snr_weights(torch.arange(4), gamma=5.0)
    assert weights.tolist() == pytest.approx([5 / 99, 1, 1, 1])
    weights = EPS.min_snr_weights(torch.arange(4), gamma=1.0)
    assert weights.tolist() == pytest.approx([1 / 99, 9 / 16, 1, 1])


def test_min_snr_weights_of_velocity():
    weights = V.min_snr_weights(torch.arange(4), gamma=5.0)
    # min(SNR, 5) / (SNR + 1), and 1 / (SNR + 1) is 1 - alpha_bar
    assert weights.tolist() == pytest.approx([5 * 0.01, 16 / 9 * 0.36, 9 / 16 * 0.64, 1 / 99 * 0.99])


def test_min_snr_weights_where_no_signal_is_left():
    """A schedule that ends in pure noise (zero terminal SNR) must not give NaN."""
    alphas = torch.tensor([0.5, 0.0])
    assert Schedule(alphas, False).min_snr_weights(torch.arange(2), 5.0).tolist() == [1, 1]
    assert Schedule(alphas, True).min_snr_weights(torch.arange(2), 5.0).tolist() == [0.5, 0]


def test_noise_is_standard_normal():
    noise = draw_noise((8, 4, 16, 16), 0, 0, range(8), 0.0)
    assert noise.shape == (8, 8, 4, 16, 16)
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.std() == pytest.approx(1, abs=0.01)


def test_noise_of_a_slot_is_the_same_wherever_it_is_computed():
    whole = draw_noise(SHAPE, 0, 5, [0, 1, 2, 3], 0.1)
    assert torch.equal(
        torch.cat([draw_noise(SHAPE, 0, 5, [0, 1], 0.1), draw_noise(SHAPE, 0, 5, [2, 3], 0.1)]), whole
    )
    assert len({tuple(row.flatten().tolist()) for row in whole}) == 4
    assert not torch.equal(draw_noise(SHAPE, 0, 6, [0], 0.1), whole[:1])
    assert not torch.equal(draw_noise(SHAPE, 1, 5, [0], 0.1), whole[:1])


def test_the_offset_is_one_normal_value_per_sample_and_channel():
    slots = range(400)
    added = draw_noise(SHAPE, 0, 0, slots, 0.25) - draw_noise(SHAPE, 0, 0, slots, 0.0)
    one = added[:, :1, :, :1, :1]
    assert torch.allclose(added, one.expand_as(added), atol=1e-5)
    assert one.std() == pytest.approx(0.25, rel=0.08)  # 800 values: a standard error of 2.5 %
    assert one.mean() == pytest.approx(0, abs=0.03)
    of_channels = torch.corrcoef(one.flatten(1).T)
    assert abs(of_channels[0, 1]) < 0.2


def test_the_gain_is_one_factor_per_frame_also_of_the_offset():
    slots = range(300)
    plain, louder = (draw_noise((2, 3, 4, 4), 0, 0, slots, 0.25, gain) for gain in (0.0, 0.2))
    factors = louder / plain
    one = factors[:, :, :1, :1, :1]
    assert torch.allclose(factors, one.expand_as(factors), rtol=1e-3)
    logarithms = one.log().flatten(1)
    assert logarithms.std() == pytest.approx(0.2, rel=0.08)  # 600 values: a standard error of 3 %
    assert logarithms.mean() == pytest.approx(0, abs=0.03)
    assert abs(torch.corrcoef(logarithms.T)[0, 1]) < 0.2


def test_timesteps_are_uniform_and_belong_to_the_slot():
    drawn = torch.cat([draw_timesteps(1000, 0, step, range(8)) for step in range(250)])
    assert drawn.dtype == torch.int64
    assert drawn.min() >= 0
    assert drawn.max() < 1000
    counts = torch.histc(drawn.float(), bins=10, min=0, max=1000)
    assert (counts - 200).abs().max() < 60  # 2000 draws in 10 bins: a standard deviation is 13.4
    assert draw_timesteps(1000, 0, 3, [5]) == draw_timesteps(1000, 0, 3, range(8))[5]
    assert set(draw_timesteps(2, 0, 0, range(50)).tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("share", "lowest", "highest"), [(0, 1, 1), (1, 0, 0), (0.1, 0.87, 0.93), (0.5, 0.45, 0.55)]
)
def test_a_share_of_the_samples_loses_a_condition(share, lowest, highest):
    kept = torch.cat([draw_kept(share, "text", 0, step, range(8)) for step in range(250)])
    assert set(kept.tolist()) <= {0.0, 1.0}
    assert lowest <= kept.mean() <= highest


def test_conditions_are_dropped_apart_from_each_other():
    def dropped(purpose: str) -> torch.Tensor:
        return torch.cat([draw_kept(0.5, purpose, 0, step, range(8)) for step in range(250)])

    text, style = dropped("text"), dropped("style")
    both = (text + style == 0).float().mean()
    assert both == pytest.approx(0.25, abs=0.04)
    assert torch.equal(dropped("text"), text)
    assert draw_kept(0.5, "text", 0, 2, [5]) == text.view(250, 8)[2, 5]


def test_what_is_kept_at_a_larger_share_is_kept_at_a_smaller():
    less, more = (draw_kept(share, "text", 0, 0, range(200)) for share in (0.2, 0.6))
    assert (more <= less).all()


def test_the_loss_is_a_mean_of_squares_per_sample_in_float32():
    prediction, target = torch.zeros(2, 3, 4, 5, 5).half(), torch.zeros(2, 3, 4, 5, 5)
    target[1, 0, 0, 0, 0] = 300.0  # its square is no float16
    losses = loss_per_sample(prediction, target)
    assert losses.dtype == torch.float32
    assert losses.tolist() == pytest.approx([0, 300**2 / 300])
