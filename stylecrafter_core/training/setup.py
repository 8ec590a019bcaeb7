"""Everything that a run needs before its first step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch.utils.data import DataLoader

from ..errors import InputError
from ..families import FAMILIES, image_tokens_of
from .config import Config
from .config.schema import Base
from .data.cache import LatentCache, TextCache, check_owner, fingerprint_of
from .data.plan import Layout, Plan, Stream
from .data.samples import Cutting, SampleMaker
from .data.sets import DataSet, read_data, require_enough, sizes_of
from .engine import Engine
from .host.frozen_base import FrozenBase, SeparateParts, load_base
from .host.styled_unet import StyledUNet
from .optimiser import optimiser_class
from .passes import PassMaker, TextStates
from .randomness import generator
from .stages import Stage, build


@dataclass(frozen=True)
class Setup:
    """A run that is ready.

    Attributes:
        config, stage: what it is.
        base: the frozen base.
        model: the styled U-Net, not yet wrapped by the engine.
        data: the items.
        plan: which sample goes where.
        sample_maker: slots to samples.
        pass_maker: samples to passes.
    """

    config: Config
    stage: Stage
    base: FrozenBase
    model: StyledUNet
    data: DataSet
    plan: Plan
    sample_maker: SampleMaker
    pass_maker: PassMaker

    @property
    def clip_tokens(self) -> str:
        """The adapter's contract for image tokens."""
        return image_tokens_of(self.model.adapter.spec)

    def loader(self, first: int) -> DataLoader:
        """Lists of samples, one per pass of this process from step `first` on, decoded ahead.

        `data.workers` processes decode, or this one; they import the room of the data and no host. Nothing is
        drawn from a global generator.
        """
        workers = self.config.data.workers
        return DataLoader(
            self.sample_maker,
            batch_sampler=self.plan.from_step(first, self.config.run.steps),
            collate_fn=list,
            num_workers=workers,
            multiprocessing_context="spawn" if workers else None,
            generator=generator(0, "loader"),
        )


def load(base: Base) -> FrozenBase:
    """The base that a config names; see training.host.frozen_base.load_base."""
    parts = SeparateParts(base.text_encoder, base.vae, base.text_encoder_type)
    return load_base(base.checkpoint, base.temporal, base.image_encoder, base.dtype, parts)


def set_up(stage: Stage, config: Config, engine: Engine) -> Setup:
    """Load, check and connect everything.

    Raises:
        StyleCrafterError: something is missing, damaged or does not fit; nothing was written.
    """
    optimiser_class(config.optimiser.name)
    data = read_data(config.data)
    plan = make_plan(
        stage, config, data, Layout(config.optimiser.accumulation, engine.processes, engine.rank)
    )
    base = load(config.base)
    check_frames(stage, base, config)
    model = build(stage, base, config)
    spec = model.adapter.spec
    clip_tokens = image_tokens_of(spec)
    cutting = cutting_of(config, base, clip_tokens)
    latents, texts = open_caches(config.data.cache, base)
    pass_maker = PassMaker(
        base,
        FAMILIES[spec.family],
        TextStates(base, texts),
        clip_tokens,
        config.objective,
        config.run.seed,
        independent_images=stage.trains_temporal,
        device=engine.device,
    )
    sample_maker = SampleMaker(data.images, data.videos, cutting, latents)
    return Setup(config, stage, base, model, data, plan, sample_maker, pass_maker)


def check_frames(stage: Stage, base: FrozenBase, config: Config) -> None:
    """Raise InputError unless the base's autoencoder can make latents of clips of this length."""
    step, frames = base.frames_per_latent, config.data.frames
    if stage.uses_videos and (frames - 1) % step:
        nearest = max(1, round((frames - 1) / step)) * step + 1
        raise InputError(
            "data.frames is no length that the base's autoencoder knows.",
            found=f"frames {frames}",
            expected=f"a multiple of {step}, and one more",
            fix=f"set data.frames to {nearest}",
        )


def make_plan(stage: Stage, config: Config, data: DataSet, layout: Layout) -> Plan:
    """The plan of a stage over the data.

    Raises:
        InputError: there is too little of what the stage needs.
    """
    section, seed = config.data, config.run.seed
    streams: dict[str, Stream | None] = {"image": None, "video": None}
    wanted = {
        "image": stage.uses_images and not (stage.uses_videos and section.image_share == 0),
        "video": stage.uses_videos and section.image_share < 1,
    }
    for kind, items, batch in (
        ("image", data.images, section.image_batch),
        ("video", data.videos, section.video_batch),
    ):
        if wanted[kind]:
            group = batch * layout.passes * layout.processes
            require_enough(items, kind, group, layout.processes)
            sizes = (
                sizes_of(items, section)
                if kind == "image"
                else [(section.width, section.height)] * len(items)
            )
            streams[kind] = Stream(sizes, group, seed, kind)
    return Plan(
        streams["image"],
        streams["video"],
        section.image_batch,
        section.video_batch,
        section.image_share,
        layout,
    )


def cutting_of(config: Config, base: FrozenBase, clip_tokens: str) -> Cutting:
    """How samples are cut, from the config and what the image encoder reads."""
    data = config.data
    return Cutting(
        seed=config.run.seed,
        augments=data.style_crop == "random",
        short_side=data.style_short_side,
        crop=data.style_crop_size,
        clip_tokens=clip_tokens,
        style_pixels=base.style_pixels,
        frames=data.frames,
        stride=data.stride,
        fps=data.fps,
    )


def cache_owner(base: FrozenBase) -> dict[str, str]:
    """What a cache must have been made with."""
    return {
        "vae": fingerprint_of(base.vae.first_stage_model.state_dict()),
        "text": fingerprint_of(base.clip.cond_stage_model.state_dict()),
    }


def open_caches(folder: Path | None, base: FrozenBase) -> tuple[LatentCache | None, TextCache | None]:
    """The caches in a folder, if it is one of this base.

    Raises:
        InputError: it is no cache, or another base's.
    """
    if folder is None:
        return None, None
    check_owner(folder, cache_owner(base))
    return LatentCache(folder), TextCache(folder)
