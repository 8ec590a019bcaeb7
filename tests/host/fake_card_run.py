"""Jobs of the fake card on full-size networks, with few frames: `… HOST`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "scripts"), str(ROOT)]


def main(host: Path) -> None:
    from stylecrafter_core.training.host.find import activate

    activate(host, cpu=True, exact_attention=True)
    from benchmarks import full_size
    from benchmarks.training_step import TrainingJob
    from fake_card.jobs import VIDEO
    from fake_card.run import run_jobs

    unet, adapter = (
        sum(tensor.numel() for tensor in full_size.published("video", name).tensors.values())
        for name in ("videocrafter_unet", "videocrafter_adapter")
    )
    styled = replace(VIDEO, name="styled", shape=(2, 4, 16, 16))
    jobs = (
        styled,
        replace(styled, name="plain", styled=False),
        replace(styled, name="stochastic", sampler="dpmpp_2m_sde", steps=2),
        replace(styled, name="offloaded", gibibytes=2.5),
        TrainingJob("training", "video", "temporal", 1, (4, 16, 16), 2),
    )
    results = {result.job: result for result in run_jobs(jobs)}
    assert len(results) == len(jobs), results.keys()
    peak = {name: result.peak for name, result in results.items()}
    flops = {name: result.cost.flops for name, result in results.items()}
    assert 2 * unet < peak["plain"] < 2.2 * unet, peak  # float16, and few activations
    assert 0.95 < (peak["styled"] - peak["plain"]) / (4 * adapter) < 1.1, peak  # float32
    assert peak["offloaded"] < 0.9 * peak["styled"], peak
    assert 1.5 < flops["styled"] / flops["plain"] < 1.7, flops  # three passes for two; K, V and gains once
    assert 1.8 < flops["stochastic"] / flops["styled"] < 2.0, flops
    assert peak["training"] > 2 * unet, peak
    assert flops["training"] > flops["plain"] / 2, flops  # one pass forward, and the way back


if __name__ == "__main__":
    main(Path(sys.argv[1]))
