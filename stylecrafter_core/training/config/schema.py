"""Every field of a training config, its type, range and default."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ...families import FAMILIES


class Section(BaseModel):
    """A part of the config that refuses fields it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Run(Section):
    """The run as a whole."""

    dir: Path = Field(description="folder of the run; never overwritten")
    seed: int = Field(
        default=0, ge=0, description="decides data order, crops, noise, timesteps and new weights"
    )
    steps: int = Field(ge=0, description="optimiser steps")
    checkpoint_every: int = Field(default=500, ge=1, description="steps between checkpoints")
    keep_checkpoints: int = Field(default=3, ge=1, description="older ones are deleted")
    validate_every: int = Field(default=500, ge=1, description="steps between validations")
    sample_every: int = Field(default=1000, ge=1, description="steps between sample grids")
    log_every: int = Field(
        default=10, ge=1, description="steps between lines on the screen; metrics.jsonl has all"
    )
    tensorboard: bool = Field(
        default=False, description="also write TensorBoard events (package tensorboard)"
    )


class Base(Section):
    """What the run starts from; all of it stays frozen unless the stage trains it."""

    checkpoint: Path = Field(description="video base, SDXL or any U-Net checkpoint that the host loads")
    text_encoder: Path | None = Field(
        default=None, description="where the checkpoint is a diffusion model alone (Wan)"
    )
    text_encoder_type: str = Field(default="wan", description="of text_encoder, as in the host's Load CLIP")
    vae: Path | None = Field(
        default=None, description="where the checkpoint is a diffusion model alone (Wan)"
    )
    temporal: Path | None = Field(default=None, description="temporal weights in place of the base's")
    image_encoder: Path = Field(description="open_clip or Hugging Face vision tower")
    adapter: Path | None = Field(
        default=None, description="style adapter to start from; none: a new one is created"
    )
    dtype: Literal["float32", "float16", "bfloat16"] = Field(
        default="float32", description="of the frozen weights"
    )


class NewAdapter(Section):
    """Sizes of an adapter that is created for the base; what is not given is as published for the family."""

    family: str = Field(
        default="unet", description="a key of families.FAMILIES; unet: any base without a family of its own"
    )
    num_queries: int | None = Field(default=None, ge=1, description="style tokens")
    depth: int | None = Field(default=None, ge=1, description="blocks of the Q-Former")
    scale_width: int | None = Field(default=None, ge=8, multiple_of=8, description="of the scale predictor")
    scale_depth: int | None = Field(default=None, ge=1, description="blocks of the scale predictor")

    @field_validator("family")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in FAMILIES:
            raise ValueError(f"should be one of {', '.join(FAMILIES)}")
        return value


class Data(Section):
    """Which pictures and videos, and how they are cut."""

    manifests: tuple[Path, ...] = Field(min_length=1, description="made by `train.py prepare`")
    width: int = Field(default=512, ge=8, multiple_of=8, description="of the target, in pixels")
    height: int = Field(default=512, ge=8, multiple_of=8)
    style_crop: Literal["random", "centre"] = Field(
        default="random", description="centre: the ablation without style augmentation"
    )
    style_short_side: int = Field(
        default=800, ge=8, description="the style picture's short side before the crop"
    )
    style_crop_size: int = Field(default=512, ge=8, description="side of the square crop that CLIP sees")
    bucket_step: int | None = Field(
        default=None,
        ge=8,
        multiple_of=8,
        description="pictures in buckets of aspect, sides a multiple of this",
    )
    frames: int = Field(default=16, ge=2, description="of a training clip")
    stride: int = Field(
        default=1, ge=1, description="frames of the file from one frame of the clip to the next"
    )
    fps: float | None = Field(
        default=None, gt=0, description="frames per second of the clip, in place of stride"
    )
    image_share: float = Field(
        default=0.2, ge=0, le=1, description="share of steps on pictures (stage 2, joint)"
    )
    image_batch: int = Field(default=4, ge=1, description="pictures per process and pass")
    video_batch: int = Field(default=1, ge=1, description="clips per process and pass")
    validation: int = Field(default=16, ge=0, description="items of each kind held out, chosen by their hash")
    workers: int = Field(default=0, ge=0, description="processes that decode")
    cache: Path | None = Field(default=None, description="folder made by `train.py cache`")

    @model_validator(mode="after")
    def _crop_fits(self) -> Data:
        if self.style_crop_size > self.style_short_side:
            raise ValueError(
                f"style_crop_size {self.style_crop_size} is larger than style_short_side "
                f"{self.style_short_side}"
            )
        return self


class Method(Section):
    """What is trained. The defaults are the paper's method; each other value is one of its ablations."""

    fusion: Literal["dual", "attach"] = Field(
        default="dual", description="attach: style tokens behind the text's"
    )
    gain: Literal["predicted", "fixed"] = Field(default="predicted", description="fixed: every gain is 1")
    temporal_stage: bool = Field(
        default=True, description="false: stage 2 trains nothing, the base's blocks stay"
    )
    second_stage: Literal["temporal", "adapter"] = Field(
        default="temporal",
        description="adapter: stage 2 goes on with the adapter, on clips (for Wan)",
    )
    joint: bool = Field(
        default=False, description="true: stage 1 also trains the temporal blocks, on both kinds"
    )


class Objective(Section):
    """The loss and what is done to the inputs."""

    noise_offset: float = Field(default=0.0, ge=0, description="per-channel offset added to the noise")
    noise_gain: float = Field(
        default=0.0, ge=0, description="deviation of the logarithm of each frame's noise gain"
    )
    min_snr_gamma: float | None = Field(default=None, gt=0, description="min-SNR loss weighting")
    timesteps: Literal["uniform", "logit_normal"] = Field(
        default="uniform", description="how timesteps are drawn"
    )
    shift: float | None = Field(
        default=None, gt=0, description="of flow matching; none: the base's own for sampling"
    )
    drop_text: float = Field(default=0.0, ge=0, le=1, description="share of samples with an empty prompt")
    drop_style: float = Field(default=0.0, ge=0, le=1, description="share of samples without style")


class Optimiser(Section):
    """How weights are changed."""

    name: str = Field(default="torch.optim.AdamW", description="import path of any optimiser class")
    lr: float = Field(gt=0)
    scale_predictor_lr: float = Field(default=1.0, ge=0, description="of the scale predictor, times lr")
    style_norm_lr: float = Field(
        default=1.0, ge=0, description="of what the style attention is multiplied with last, times lr"
    )
    args: dict[str, Any] = Field(default_factory=dict, description="further arguments of the class")
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup_steps: int = Field(default=0, ge=0)
    final_lr: float = Field(
        default=0.01, ge=0, le=1, description="of linear and cosine at the last step, times lr"
    )
    accumulation: int = Field(default=1, ge=1, description="passes per step")
    max_norm: float | None = Field(default=1.0, gt=0, description="gradient clipping")
    ema: float | None = Field(
        default=None, gt=0, lt=1, description="decay of an average of the trained weights"
    )


class Engine(Section):
    """How a step is computed."""

    kind: Literal["accelerate", "fsdp2"] = Field(default="accelerate", description="fsdp2: under torchrun")
    precision: Literal["no", "bf16", "fp16"] = "no"
    gradient_checkpointing: bool = False

    @field_validator("precision", mode="before")
    @classmethod
    def _bare_no(cls, value: Any) -> Any:
        return "no" if value is False else value  # YAML reads a no without quotes as false


class Samples(Section):
    """Sample grids: prompts × references, through the real sampler."""

    prompts: tuple[str, ...] | None = Field(
        default=None, description="none: captions of held-out items; []: no grids are drawn"
    )
    references: tuple[Path, ...] = Field(default=(), description="pictures; none: held-out items")
    steps: int = Field(default=25, ge=1)
    sampler: str = Field(
        default="stylecrafter_ddim",
        description="as in the sampler node; the default, as released, wants 50 steps",
    )
    strength: float = Field(default=1.0, ge=0)
    cfg_text: float = 7.5
    cfg_style: float = 5.0


class Config(Section):
    """One training run of one stage."""

    run: Run
    base: Base
    adapter: NewAdapter = NewAdapter()
    data: Data
    method: Method = Method()
    objective: Objective = Objective()
    optimiser: Optimiser
    engine: Engine = Engine()
    samples: Samples = Samples()

    @model_validator(mode="after")
    def _precision_fits(self) -> Config:
        if self.base.dtype != "float32" and self.engine.precision == "no":
            raise ValueError(
                f"base.dtype {self.base.dtype} needs engine.precision bf16 or fp16, "
                "because trained weights are float32"
            )
        return self
