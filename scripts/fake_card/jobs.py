"""The jobs: each a row of data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from benchmarks.training_step import TRAINING

HALF, BRAIN, SINGLE, EIGHT = torch.float16, torch.bfloat16, torch.float32, torch.float8_e4m3fn
VIDEO_16, VIDEO_1, VIDEO_64 = (16, 4, 40, 64), (1, 4, 40, 64), (64, 4, 40, 64)
SDXL_1024, WAN_480 = (1, 4, 128, 128), (1, 16, 21, 60, 104)


@dataclass(frozen=True)
class Job:
    """One job on the fake card.

    Attributes:
        family: "video", "sdxl" or "wan".
        shape: of the latent, [frames or pictures, 4, H/8, W/8]; Wan's is [1, 16, (frames + 3) / 4, H/8, W/8].
        dtype: of the arithmetic.
        weights: dtype of the U-Net's weights, where another.
        part: "sample", "decode" or "encode".
        styled: with adapter and style, three conditions; else the plain model with two.
        window: frames of the host's context windows, or none.
        gibibytes: of the card.
    """

    name: str
    family: str
    shape: tuple[int, ...]
    dtype: torch.dtype = HALF
    weights: torch.dtype | None = None
    part: str = "sample"
    styled: bool = True
    strength: float = 1.0
    cfg_text: float = 16.0
    cfg_style: float = 8.5
    sampler: str = "euler"
    scheduler: str = "ddim_uniform"
    steps: int = 1
    window: int | None = None
    gibibytes: float = 24.0

    @property
    def frames(self) -> int:
        """Pictures that the latent stands for."""
        return self.shape[0] if len(self.shape) == 4 else 4 * self.shape[2] - 3


VIDEO = Job("video 16 frames, fp16", "video", VIDEO_16)
SDXL = Job("SDXL 1024², fp16", "sdxl", SDXL_1024, cfg_text=5.0, cfg_style=2.5)
WAN = Job(
    "Wan 81 frames 480x832, bf16", "wan", WAN_480, BRAIN, cfg_text=8.0, cfg_style=4.0, scheduler="simple"
)
PRECISIONS = (("bf16", BRAIN, None), ("fp8 weights, fp16", HALF, EIGHT), ("fp32", SINGLE, None))
SAMPLERS = ("dpmpp_2m", "dpmpp_2m_sde", "dpmpp_sde", "uni_pc", "heun", "lcm", "ddim", "euler_ancestral")


def _pair(job: Job) -> tuple[Job, Job]:
    return job, replace(job, name=f"{job.name}, plain", styled=False)


def _family(first: Job, title: str) -> tuple[Job, ...]:
    """What is asked of every family; a new family is one more call."""
    precise = [replace(first, name=f"{title}, {n}", dtype=d, weights=w) for n, d, w in PRECISIONS]
    return (
        *_pair(first),
        *(job for one in precise for job in _pair(one)),
        replace(first, name=f"{title}, strength 0", strength=0.0),
        replace(first, name=f"{title}, style guidance 0", cfg_style=0.0),
        replace(first, name=f"{title}, text guidance 1, style guidance 1", cfg_text=1.0, cfg_style=1.0),
        *(replace(first, name=f"{title}, {s}, 2 steps", sampler=s, steps=2) for s in SAMPLERS),
        replace(first, name=f"{title}, decoding", part="decode"),
        replace(first, name=f"{title}, decoding in fp32", part="decode", dtype=SINGLE),
        replace(first, name=f"{title}, encoding pictures", part="encode"),
    )


JOBS = (
    *_family(VIDEO, "video 16 frames"),
    replace(VIDEO, name="video 16 frames, offloaded on 3 GiB", gibibytes=3.0),
    replace(VIDEO, name="video 16 frames, fp32, offloaded on 6 GiB", dtype=SINGLE, gibibytes=6.0),
    replace(VIDEO, name="picture with the video model", shape=VIDEO_1),
    replace(VIDEO, name="video 64 frames, windows of 16", shape=VIDEO_64, window=16),
    *_family(SDXL, "SDXL 1024²"),
    replace(SDXL, name="SDXL 1024², offloaded on 6 GiB", gibibytes=6.0),
    *_pair(WAN),
    replace(WAN, name="Wan 81 frames, fp16", dtype=HALF),
    replace(WAN, name="Wan 81 frames, fp8 weights, bf16", weights=EIGHT),
    replace(WAN, name="Wan 81 frames, cfg 1, one pass a step", cfg_text=1.0, cfg_style=1.0),
    replace(WAN, name="Wan 81 frames, strength 0", strength=0.0),
    replace(WAN, name="Wan 81 frames, uni_pc, 2 steps", sampler="uni_pc", steps=2),
    replace(WAN, name="Wan 81 frames, offloaded on 6 GiB", gibibytes=6.0),
    replace(WAN, name="Wan 81 frames, decoding", part="decode"),
    replace(WAN, name="Wan 81 frames, encoding pictures", part="encode"),
    *TRAINING,
)
