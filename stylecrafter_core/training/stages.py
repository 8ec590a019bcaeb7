"""What each stage trains, and the styled U-Net it trains it in."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from ..adapter import StyleAdapter
from ..columns import table
from ..comfy_host.networks import sites_for
from ..errors import InputError, MismatchError
from ..families import FAMILIES, Family
from ..formats import read_adapter
from ..spec import AdapterSpec
from .config import Config
from .host.frozen_base import FrozenBase, temporal_tensors
from .host.gradient_checkpointing import recompute_activations
from .host.new_adapter import create_tensors, spec_for
from .host.styled_unet import StyledUNet, attached_tokens, dual_attention

StageName = Literal["style", "temporal"]
FUSIONS = {"dual": dual_attention, "attach": attached_tokens}


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    Attributes:
        name: as on the command line.
        trains_adapter, trains_temporal: which weights change.
        continues_on_clips: the adapter goes on learning, on clips mixed with pictures.
    """

    name: StageName
    trains_adapter: bool
    trains_temporal: bool
    continues_on_clips: bool = False

    @property
    def uses_images(self) -> bool:
        """Both stages do: the second mixes pictures in."""
        return True

    @property
    def uses_videos(self) -> bool:
        """Videos are needed where the temporal blocks are trained, or the adapter on clips."""
        return self.trains_temporal or self.continues_on_clips


def stage_of(name: StageName, config: Config) -> Stage:
    """The stage that a command and its config ask for.

    Raises:
        InputError: a combination that means nothing.
    """
    method = config.method
    if name == "temporal" and method.joint:
        raise InputError(
            "method.joint belongs to the first stage.",
            found="train.py temporal with method.joint: true",
            expected="train.py style, which then trains both parts at once",
        )
    if name == "temporal" and method.second_stage == "adapter":
        return Stage(name, True, False, continues_on_clips=True)
    if name == "temporal":
        return Stage(name, False, method.temporal_stage)
    return Stage(name, True, method.joint)


def build(stage: Stage, base: FrozenBase, config: Config) -> StyledUNet:
    """The styled U-Net with the stage's parameters trainable, in float32, and everything else frozen.

    Raises:
        MismatchError: the adapter does not fit the base; temporal blocks are to be trained where none are.
    """
    if stage.trains_temporal and not base.temporal_blocks:
        raise MismatchError(
            f"There are no temporal blocks to train in {base.name}.",
            found=f"an image model ({type(base.unet).__name__})",
            expected="a VideoCrafter base",
            fix="use a video base, or train the style stage without method.joint; for a video transformer "
            "(Wan) set method.second_stage to adapter",
        )
    adapter = _adapter(base, config)
    if adapter.spec.reads_prompt:
        raise MismatchError(
            "This adapter cannot be trained further.",
            found=f"{config.base.adapter}, whose style tokens are picked by the prompt (StyleMaster)",
            expected="an adapter of StyleCrafter's own build",
            fix="leave out base.adapter: a new adapter for the base is made",
        )
    model = StyledUNet(base.unet, adapter, sites_for(adapter.spec, base.unet), FUSIONS[config.method.fusion])
    if config.engine.gradient_checkpointing:
        recompute_activations(base.unet)
    model.requires_grad_(False)
    for module in trained_modules(stage, model, config):
        module.float().requires_grad_(True)
    return model


def trained_modules(stage: Stage, model: StyledUNet, config: Config) -> list[nn.Module]:
    """The modules whose every parameter the stage trains; an ablation leaves out what it does not use."""
    modules: list[nn.Module] = []
    if stage.trains_adapter:
        modules.append(model.adapter.style_transformer)
        if config.method.fusion == "dual":
            modules += model.adapter.style_kv
            if config.method.gain == "predicted":
                modules += filter(None, (model.adapter.scale_predictor, model.adapter.site_gains))
    if stage.trains_temporal:
        places = (block.name for block in getattr(model.unet, "temporal_blocks", ()))
        modules += [model.unet.get_submodule(place) for place in places]
    return modules


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that are trained, by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def frozen_and_trained(model: StyledUNet) -> str:
    """Millions of parameters, frozen and trained, per part of the model."""
    temporal = frozenset(f"unet.{name}" for name in temporal_tensors(model.unet))
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, weight in model.named_parameters():
        counts[_part_of(name, temporal)][int(weight.requires_grad)] += weight.numel()
    rows: list[tuple[str, ...]] = [("part", "frozen (M)", "trained (M)")]
    rows += [(part, *(f"{count / 1e6:.2f}" for count in both)) for part, both in counts.items()]
    totals = [sum(both[index] for both in counts.values()) for index in (0, 1)]
    rows.append(("all", *(f"{total / 1e6:.2f}" for total in totals)))
    return table(rows)


def _part_of(name: str, temporal: frozenset[str]) -> str:
    """adapter.style_kv.3.to_k.weight -> adapter.style_kv; the U-Net's own or its temporal blocks."""
    first, second, *_ = name.split(".")
    if first == "adapter":
        return f"{first}.{second}"
    return "U-Net, temporal blocks" if name in temporal else "U-Net, spatial"


def _adapter(base: FrozenBase, config: Config) -> StyleAdapter:
    if config.base.adapter is None:
        check_family(FAMILIES[config.adapter.family], base)
        spec, tensors = _created(base, config)
    else:
        file = read_adapter(config.base.adapter)
        check_family(FAMILIES[file.spec.family], base)
        _check_encoder(file.spec, base, config.base.adapter)
        spec, tensors = file.spec, file.tensors
    adapter = StyleAdapter(spec)
    adapter.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    if config.method.gain == "fixed" and adapter.scale_predictor is not None:
        # tanh(0) = 0, so every gain is 1: in the nodes, too.
        for weight in adapter.scale_predictor.head[-1].parameters():
            nn.init.zeros_(weight)
    return adapter


def _created(base: FrozenBase, config: Config) -> tuple[AdapterSpec, dict[str, Tensor]]:
    new = config.adapter
    spec = spec_for(
        base.unet,
        new.family,
        clip_width=base.clip_width,
        num_queries=new.num_queries,
        depth=new.depth,
        scale_width=new.scale_width,
        scale_depth=new.scale_depth,
    )
    return spec, create_tensors(spec, base.unet, config.run.seed)


def check_family(family: Family, base: FrozenBase) -> None:
    """Raise MismatchError unless the base was trained as bases of this family are."""
    if family.objective != base.objective:
        fitting = [other.name for other in FAMILIES.values() if other.objective == base.objective]
        raise MismatchError(
            f"An adapter of the family {family.name} cannot be trained for {base.name}.",
            found=f"a base that was trained by {base.objective}",
            expected=f"one that was trained by {family.objective}, as those of this family are",
            fix=f"choose one of {', '.join(fitting)} (adapter.family, or another base.adapter), or a base "
            "that fits",
        )


def _check_encoder(spec: AdapterSpec, base: FrozenBase, path: Path) -> None:
    width = spec.style_transformer.width
    if width != base.clip_width:
        raise MismatchError(
            f"The adapter {path} does not fit the image encoder.",
            found=f"image tokens {base.clip_width} wide",
            expected=f"{width} wide",
            fix="set base.image_encoder to the one that the adapter was trained with",
        )
