"""Validation and sample grids of a run, made from held-out items."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from ..comfy_host.adapter import HostAdapter
from ..features import contract_named
from ..formats import AdapterFile, KeyReport
from .config import Config
from .data.plan import Slot
from .data.samples import Sample, SampleMaker, decode_picture
from .engine import Engine
from .engine.shards import whole
from .grids import Reference, draw_grid, write_grid
from .host.styled_sampling import SamplingSettings, hand_back, sample_attached, sample_style
from .passes import Pass
from .setup import Setup
from .validation import VALIDATION_STEP, Validation

Draw = Callable[[Reference, str], Tensor]

log = logging.getLogger(__name__)

MOST_REFERENCES, MOST_PROMPTS = 4, 3  # where the config names none


class Observer:
    """Looks at the model without changing it. Every process must make the same calls.

    Args:
        setup, engine: of the run.
    """

    def __init__(self, setup: Setup, engine: Engine):
        self.setup, self.engine, self.config = setup, engine, setup.config
        on_clips, videos = setup.stage.uses_videos, len(setup.data.held_videos)
        self.kind = "video" if on_clips and videos > 1 else "image"
        if on_clips and videos < 2:
            log.warning(
                "Validation is on pictures: %d videos are held out, 2 are needed (a fifth of all at most)",
                videos,
            )
        self.samples = self._held_out()
        self.validation = None
        if len(self.samples) > 1:
            batch = self.config.data.video_batch if self.kind == "video" else self.config.data.image_batch
            self.validation = Validation(self.samples, setup.pass_maker, self.config.run.seed, batch)
        else:
            log.warning("Fewer than two held-out %ss: no validation", self.kind)

    def validate(self) -> dict[str, Any]:
        """Losses at fixed noise and timesteps; empty where nothing is held out."""
        if self.validation is None:
            return {}
        values = self.validation.run(self._predict, self.engine)
        log.info(
            "validation  loss %.4f  with another's style %.4f  (gain %.4f ± %.4f)",
            *(values["loss"], values["shuffled_style"], values["style_gain"], values["style_gain_interval"]),
        )
        return values

    def draw(self, step: int) -> None:
        """A sample grid into the run folder."""
        references, prompts = self.cells()
        if not references:
            return
        grid = self.sampled(references, prompts, self.settings())
        if self.engine.is_main:
            path = self.config.run.dir / "samples" / f"step-{step}"
            write_grid(grid, path)
            log.info("Samples: %s", path.with_suffix(".png"))

    def cells(self) -> tuple[list[Reference], tuple[str, ...]]:
        """The references and prompts of a grid; none where no grid is drawn."""
        captions = tuple(sample.caption for sample in self.samples[-MOST_PROMPTS:])
        named = self.config.samples.prompts
        prompts = captions if named is None else named
        return (self._references(), prompts) if prompts else ([], ())

    def sampled(
        self, references: Sequence[Reference], prompts: Sequence[str], settings: SamplingSettings
    ) -> Tensor:
        """A grid, see `draw_grid`; the model is as before."""
        draw = self._attached(settings) if self.config.method.fusion == "attach" else self._styled(settings)
        with self.engine.autocast():
            grid = draw_grid(references, prompts, draw)
        hand_back(self.setup.base, self.engine.device)
        return grid

    def _predict(self, made: Pass) -> Tensor:
        with self.engine.autocast():
            return self.setup.model(made.inputs)

    def _styled(self, settings: SamplingSettings) -> Draw:
        adapter = self.setup.model.adapter
        tensors = {name: whole(value).clone() for name, value in adapter.state_dict().items()}
        hosted = HostAdapter(
            AdapterFile(adapter.spec, tensors, KeyReport(tuple(tensors))), "adapter in training"
        )

        def draw(reference: Reference, prompt: str) -> Tensor:
            return sample_style(self.setup.base, hosted, [reference.clip_tokens], [prompt], settings)[0]

        return draw

    def _attached(self, settings: SamplingSettings) -> Draw:
        base, adapter = self.setup.base, self.setup.model.adapter
        return lambda reference, prompt: sample_attached(
            base, adapter, [reference.clip_tokens], [prompt], settings
        )[0]

    def settings(self) -> SamplingSettings:
        """How grids are sampled."""
        trains_temporal = self.setup.stage.trains_temporal
        return sampling_settings(self.config, self.config.data.frames if trains_temporal else 1)

    def _held_out(self) -> list[Sample]:
        setup, data = self.setup, self.config.data
        held = setup.data
        items = held.held_videos if self.kind == "video" else held.held_images
        maker = SampleMaker(held.held_images, held.held_videos, setup.sample_maker.cutting, cache=None)
        size = (data.width, data.height)
        slots = [Slot(VALIDATION_STEP, n, self.kind, n, size) for n in range(len(items))]  # type: ignore[arg-type]
        made = [maker[slot] for slot in slots]
        for sample in made:
            if sample.failure is not None:
                log.warning("Left out of validation: %s", sample.failure)
        return [sample for sample in made if sample.failure is None]

    def _references(self) -> list[Reference]:
        named = self.config.samples.references
        if named:
            pictures = [decode_picture(path.read_bytes()).float() / 255 for path in named]
            contract = contract_named(self.setup.clip_tokens)
            side = self.setup.base.style_pixels
            styles = [contract.preprocess(picture[None], side) for picture in pictures]
        else:
            shown = self.samples[:MOST_REFERENCES]
            pictures = [sample.frames[0].movedim(0, -1) for sample in shown]
            styles = [sample.style[None] for sample in shown]
        return [
            Reference(picture, self.setup.base.encode_style(style, self.setup.clip_tokens))
            for picture, style in zip(pictures, styles, strict=True)
        ]


def sampling_settings(config: Config, num_frames: int) -> SamplingSettings:
    """How the config's sample grids are sampled."""
    samples, data = config.samples, config.data
    return SamplingSettings(
        width=data.width,
        height=data.height,
        num_frames=num_frames,
        steps=samples.steps,
        strength=samples.strength,
        cfg_text=samples.cfg_text,
        cfg_style=samples.cfg_style,
        seed=config.run.seed,
        sampler_name=samples.sampler,
    )
