"""Runs jobs on the fake card and says what they cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import comfy.context_windows
import comfy.model_management
import torch
from benchmarks import full_size
from benchmarks.training_step import TrainingJob, TrainingStep
from environment import say

from stylecrafter_core.comfy_host.context_windows import accept_context_windows
from stylecrafter_core.comfy_host.patch import patch_model
from stylecrafter_core.comfy_host.sampling import sample

from .card import CARD, PROCESSOR, FakeCard
from .host import host_on
from .jobs import JOBS, Job
from .meter import CARDS, Cost
from .networks import Networks, prepare

GIBIBYTE = 2**30


@dataclass(frozen=True)
class Result:
    """What a job cost: bytes that lived on the card at most, its operations, where the processor waited."""

    job: str
    peak: int
    cost: Cost
    waits: tuple[tuple[str, int], ...]


def run_jobs(jobs: Iterable[Job | TrainingJob] = JOBS, record: Path | None = None) -> list[Result]:
    """All of them, on one card; a job that fails is said and the others go on.

    Args:
        record: a file that gets one line of JSON for each job as it ends.
    """
    prepare()
    results = []
    with torch.no_grad(), FakeCard() as card:
        networks = Networks(card)
        for job in jobs:
            with host_on(card, job.gibibytes):
                try:
                    result = _run(job, card, networks)
                except Exception as error:  # noqa: BLE001 (the harness's very purpose: name the fault, see the rest)
                    say(f"FAILED {job.name}: {type(error).__name__}: {error}")
                    continue
                finally:
                    comfy.model_management.unload_all_models()
            say(row(result))
            if record is not None:
                with record.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(result)) + "\n")
            results.append(result)
    return results


def report() -> int:
    """Print the table, and how many jobs ran to their end."""
    say("| job | peak GiB | TFLOPs | GB moved | " + " | ".join(f"{card.name} s" for card in CARDS) + " |")
    say("|" + "---|" * (4 + len(CARDS)))
    results = run_jobs()
    say(f"{len(results)} of {len(JOBS)} jobs ran to their end")
    return len(results)


def row(result: Result) -> str:
    """One line of the table."""
    cost = result.cost
    seconds = " | ".join(f"{cost.seconds[card.name]:.3f}" for card in CARDS)
    return (
        f"| {result.job} | {result.peak / GIBIBYTE:.2f} | {cost.flops / 1e12:.2f} | {cost.bytes / 1e9:.1f} "
        f"| {seconds} |"
    )


def _run(job: Job | TrainingJob, card: FakeCard, networks: Networks) -> Result:
    if isinstance(job, TrainingJob):
        return _train(job, card, networks)
    work = {"sample": _sample, "decode": _decode, "encode": _encode}[job.part](job, networks)
    card.waits.clear()
    return _counted(job.name, work, card)


def _train(job: TrainingJob, card: FakeCard, networks: Networks) -> Result:
    """Devices are checked in a forward pass on the card, and the whole step is counted on a processor whose
    tensors have no values: in the backward pass torch's engine would ask the card itself."""
    unet = networks.network(job.family, job.dtype)
    with card.without_values():
        step = TrainingStep(job, unet)
    card.waits.clear()
    step.model.to(CARD)
    step.loss(CARD)
    step.model.to(PROCESSOR)
    with card.on_the_processor(step.model):
        return _counted(job.name, lambda: step.run(PROCESSOR), card)


def _counted(name: str, work: Callable[[], Any], card: FakeCard) -> Result:
    card.meter.reset()
    work()
    return Result(name, card.meter.peak, card.meter.cost, tuple(sorted({*card.waits})))


def _sample(job: Job, networks: Networks) -> Any:
    model = networks.model(job.family, job.weights or job.dtype, job.dtype)
    adapter = networks.adapter(job.family)
    accept_context_windows(model)
    if job.styled:
        model = patch_model(model, adapter)
    if job.window is not None:
        model = model.clone()
        model.model_options["context_handler"] = _windows(job.window)

    def work() -> Any:
        if job.styled:
            positive, negative = full_size.conditionings(adapter, job.strength)
        else:
            positive, negative = full_size.prompt(adapter.spec), full_size.prompt(adapter.spec)
        return sample(
            model,
            positive,
            negative,
            {"samples": torch.zeros(job.shape)},
            cfg_text=job.cfg_text,
            cfg_style=job.cfg_style,
            seed=0,
            steps=job.steps,
            sampler_name=job.sampler,
            scheduler=job.scheduler,
            denoise=1.0,
        )

    return work


def _windows(length: int) -> Any:
    windows = comfy.context_windows
    return windows.IndexListContextHandler(
        context_schedule=windows.get_matching_context_schedule("standard_static"),
        fuse_method=windows.get_matching_fuse_method("pyramid"),
        context_length=length,
        context_overlap=length // 4,
        context_stride=1,
        closed_loop=False,
        dim=0,
    )


def _decode(job: Job, networks: Networks) -> Any:
    autoencoder = networks.autoencoder(job.family, job.dtype)
    return lambda: autoencoder.decode(torch.zeros(job.shape))


def _encode(job: Job, networks: Networks) -> Any:
    autoencoder = networks.autoencoder(job.family, job.dtype)
    height, width = (8 * side for side in job.shape[-2:])
    return lambda: autoencoder.encode(torch.zeros(job.frames, height, width, 3))
