"""Caches that leave out steps know a condition by its identity, and decide once for each step."""

from __future__ import annotations

from typing import Any

import comfy.samplers
import pytest
import torch
from comfy_extras.nodes_easycache import EasyCacheHolder
from golden_video import GoldenVideo
from jobs import dual_guider, noise, plain_guider
from neighbours import three_way_guider
from torch import Tensor

CACHES = ("EasyCache", "LazyCache")
THRESHOLDS = (0.1, 0.4)
SCALES = {"cfg_text": 7.5, "cfg_style": 5.0}
STEPS = 14
# The first ones add what is kept for one condition to all that share its pass: they stop by themselves.
EASY_CACHE_KNOWS_ROWS = hasattr(EasyCacheHolder, "check_metadata")


def run(guider: Any) -> Tensor:
    start = noise(4)
    sigmas = comfy.samplers.calculate_sigmas(
        guider.model_patcher.get_model_object("model_sampling"), "normal", STEPS
    )
    sampler = comfy.samplers.sampler_object("euler")
    with torch.inference_mode():
        return guider.sample(start, torch.zeros_like(start), sampler, sigmas, seed=0, disable_pbar=True)


def distance(out: Tensor, expected: Tensor) -> float:
    return float((out - expected).norm() / expected.norm())


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_step_cache_costs_no_more_likeness_than_with_the_hosts_guider(
    golden: GoldenVideo, cache: str, threshold: float
) -> None:
    (cached,) = golden.run_node(
        cache,
        model=golden.model,
        reuse_threshold=threshold,
        start_percent=0.15,
        end_percent=0.95,
        verbose=False,
    )
    if cache == "EasyCache" and not EASY_CACHE_KNOWS_ROWS:
        with pytest.raises(RuntimeError, match="size of tensor"):
            run(plain_guider(cached, golden.text(0), golden.empty(0), cfg=5.0))
        return
    conditions = (golden.styled(0), golden.text(0), golden.empty(0), tuple(SCALES.values()))
    host = three_way_guider(golden.run_node)
    exact = run(dual_guider(golden, **SCALES))
    ours = distance(run(dual_guider(golden, model=cached, **SCALES)), exact)
    assert 0.01 < ours < 1.02 * distance(run(host(cached, *conditions)), run(host(golden.model, *conditions)))
