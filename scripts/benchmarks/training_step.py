"""One training step of each stage at full size: forward and backward pass, clipping, the optimiser's step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from stylecrafter_core.adapter import StyleAdapter
from stylecrafter_core.comfy_host.networks import sites_for
from stylecrafter_core.training.config.schema import Optimiser
from stylecrafter_core.training.host.gradient_checkpointing import recompute_activations
from stylecrafter_core.training.host.new_adapter import spec_for
from stylecrafter_core.training.host.styled_unet import Inputs, StyledUNet, dual_attention
from stylecrafter_core.training.optimiser import make_optimiser

from . import full_size

CLIP_WIDTH, POOLED_AND_SIZES = 1280, 2816


@dataclass(frozen=True)
class TrainingJob:
    """One step of a training stage, with gradient checkpointing, as in the configs.

    Attributes:
        family: "video", "sdxl" or "wan".
        trains: "adapter" or "temporal", the video model's temporal blocks.
        samples: of the step, in this process.
        latent: of a sample, or of a frame of the video model.
        frames: of a sample of the video model.
        dtype: of the frozen weights and of autocast; what is trained is float32.
        gibibytes: of the card.
    """

    name: str
    family: str
    trains: str
    samples: int
    latent: tuple[int, ...]
    frames: int = 1
    dtype: torch.dtype = torch.bfloat16
    gibibytes: float = 80.0


TRAINING = (
    TrainingJob("video_style.yaml, 32 pictures 512x512", "video", "adapter", 32, (4, 64, 64)),
    TrainingJob("video_temporal.yaml, 1 video of 16 frames 512x320", "video", "temporal", 1, (4, 40, 64), 16),
    TrainingJob("video_temporal.yaml, 16 pictures 512x320", "video", "temporal", 16, (4, 40, 64)),
    TrainingJob("sdxl_phase1.yaml, 16 pictures 512x512", "sdxl", "adapter", 16, (4, 64, 64)),
    TrainingJob("wan_style.yaml, 4 pictures 832x480", "wan", "adapter", 4, (16, 1, 60, 104)),
    TrainingJob("wan_video.yaml, 1 video of 17 frames 832x480", "wan", "adapter", 1, (16, 5, 60, 104)),
)


class TrainingStep:
    """A stage's model, and one step of it.

    Args:
        job: what is trained on what.
        unet: the base's network with the job's dtype; what is trained in it becomes float32.

    Attributes:
        model: the network with a new adapter.
    """

    def __init__(self, job: TrainingJob, unet: Any):
        self.job = job
        adapter = StyleAdapter(spec_for(unet, job.family, clip_width=CLIP_WIDTH))
        self.model = StyledUNet(unet, adapter, sites_for(adapter.spec, unet), dual_attention)
        recompute_activations(unet)
        self.model.requires_grad_(False)
        for module in self._trained():
            module.float().requires_grad_(True)

    def run(self, device: torch.device) -> None:
        """The whole step, where the model is."""
        weights = {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}
        optimiser = make_optimiser(Optimiser(lr=1e-4, args={"foreach": True}), weights.items())
        with torch.enable_grad():
            self.loss(device).backward()
        nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimiser.step()

    def loss(self, device: torch.device) -> Tensor:
        """The forward pass, where the model is."""
        inputs = self._inputs(device)
        with torch.autocast(device.type, self.job.dtype):
            predicted = self.model(inputs)
        return (predicted.float() - torch.randn_like(inputs.noisy)).square().mean()

    def _trained(self) -> list[nn.Module]:
        if self.job.trains == "adapter":
            return [self.model.adapter]
        places = [block.name for block in self.model.unet.temporal_blocks]
        return [self.model.unet.get_submodule(place) for place in places]

    def _inputs(self, device: torch.device) -> Inputs:
        job, spec = self.job, self.model.adapter.spec

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, device=device)

        rows = job.frames if job.family == "video" else 1
        return Inputs(
            noisy=normal(job.samples * rows, *job.latent),
            timesteps=torch.zeros(job.samples, device=device),
            text=normal(job.samples, full_size.TEXT_TOKENS[job.family], spec.text_dim),
            clip_tokens=normal(job.samples, full_size.CLIP_TOKENS, CLIP_WIDTH),
            keeps_style=torch.ones(job.samples, device=device),
            adm=normal(job.samples, POOLED_AND_SIZES) if job.family == "sdxl" else None,
            num_frames=rows,
            independent=False,
        )
