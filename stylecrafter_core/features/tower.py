"""A CLIP vision tower in a weight file: found by its keys, sized by its shapes, all keys accounted for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from ..errors import WeightFileError
from ..formats import check_values, compare, count_numbered, shape_of
from .tower_names import from_hugging_face

# Head widths that differ from the usual 64, by tower width: ViT-H, ViT-g, ViT-bigG, ViT-e as published.
HEAD_WIDTHS = {1280: 80, 1408: 88, 1664: 104, 1792: 112}
USUAL_HEAD_WIDTHS = (64, 80, 88, 104)
ACTIVATIONS = ("gelu", "quick_gelu")
OPENAI_WIDTHS = (768, 1024)
# What only OpenAI's original archives hold beside the weights.
OPENAI_MARKS = ("input_resolution", "context_length", "vocab_size")
# The rest of a whole CLIP checkpoint, relative to what precedes `visual.` or `vision_model.`.
BESIDE_THE_TOWER = (
    "transformer.",
    "token_embedding.",
    "positional_embedding",
    "ln_final.",
    "text_projection",
    "text.",
    "text_model.",
    "text_decoder.",
    "logit_scale",
    "logit_bias",
    "multi_modal_projector.",
    *OPENAI_MARKS,
)
OTHER_TOWERS = {
    "visual.trunk.": "a timm vision tower",
    "visual.layer1.": "a ResNet vision tower",
    "vision_model.head.": "a SigLIP vision tower, which has no class token",
    "embeddings.cls_token": "a DINOv2 vision tower",
}
# The tensors that the sizes are read off, with their numbers of dimensions.
_ANCHORS = {"conv1.weight": 4, "positional_embedding": 2, "transformer.resblocks.0.mlp.c_fc.weight": 2}
KIND = "CLIP vision tower of the usual build (names as in open_clip)"


@dataclass(frozen=True)
class VisionTowerSpec:
    """All sizes of a CLIP vision tower with a class token and a layer norm before its layers.

    Attributes:
        width, layers, num_heads, mlp_width: of the transformer.
        patch_size, image_size: sides in pixels.
        output_dim: width of the projected image embedding; None where the file has no projection.
        activation: "gelu" or "quick_gelu" (x · sigmoid(1.702 x)).
    """

    width: int
    layers: int
    num_heads: int
    mlp_width: int
    patch_size: int
    image_size: int
    output_dim: int | None
    activation: str


@dataclass(frozen=True)
class VisionTower:
    """A tower's spec, its tensors in open_clip's names without `visual.`, and the file's keys left aside."""

    spec: VisionTowerSpec
    tensors: dict[str, Tensor]
    ignored: tuple[str, ...]


def read_vision_tower(
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str] | None = None,
    origin: str = "The vision tower's weights",
) -> VisionTower:
    """The vision tower among the tensors of a file, in open_clip's (`visual.*`) or Hugging Face's names.

    Two things are in no shape:
    * Heads. The file's header field `num_heads` wins; else the head width is 80, 88, 104, 112 at the widths
      1280, 1408, 1664, 1792 (ViT-H, g, bigG, e), else the first of 64, 80, 88, 104 that divides the width.
    * Activation. The header field `hidden_act` wins ("gelu" or "quick_gelu"). Else QuickGELU for what is
      taken to be OpenAI's: its original archives, and Hugging Face names at OpenAI's widths 768 and 1024, as
      the host takes them. Else GELU. OpenAI's weights saved by open_clip look like any others: they need the
      field.

    Args:
        tensors: every tensor of the file. A text tower beside the vision tower is left aside and listed.
        metadata: the safetensors header's fields.
        origin: how messages call the file.

    Raises:
        WeightFileError: no tower or another kind, missing, unexpected or misshapen tensors, unclear heads.
    """
    metadata = metadata or {}
    prefix, hugging_face = _locate(tensors, origin)
    own, beside = _split(tensors, prefix, hugging_face)
    _check_anchors(own, origin)
    activation = _activation(own["conv1.weight"].shape[0], beside, hugging_face, metadata, origin)
    spec = _read_spec(own, activation, metadata, origin)
    foreign = {name: tensors[name] for name in beside if not _is_known(name, prefix)}
    compare(_expected_shapes(spec), {**own, **foreign}).raise_unless_complete(origin, KIND)
    check_values(own, origin)
    return VisionTower(spec, own, tuple(beside))


def _locate(names: Iterable[str], origin: str) -> tuple[str, bool]:
    """What precedes the tower's own names, and whether those are Hugging Face's."""
    found = [name for name in names if re.fullmatch(r"(.*\.)?class_embedding", name)]
    if len(found) != 1:
        kinds = [words for mark, words in OTHER_TOWERS.items() if any(mark in name for name in names)]
        several = f"{len(found)} vision towers" if found else "no vision tower"
        raise WeightFileError(
            f"{origin} cannot be used as a CLIP image encoder.",
            found=kinds[0] if kinds and not found else several,
            expected="one CLIP vision tower with a class token, under `visual.*` or `vision_model.*`",
            fix="use the ViT-H/14 image encoder that the adapter's authors name, or another CLIP ViT",
        )
    prefix = found[0].removesuffix("class_embedding")
    return prefix.removesuffix("embeddings."), prefix.endswith("embeddings.")


def _base(prefix: str) -> str:
    return prefix.removesuffix("vision_model.").removesuffix("visual.")


def _split(
    tensors: Mapping[str, Tensor], prefix: str, hugging_face: bool
) -> tuple[dict[str, Tensor], list[str]]:
    """The tower's tensors in open_clip's names, and the names of all others."""
    own = {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    beside = [name for name in tensors if not name.startswith(prefix)]
    if hugging_face:
        own.pop("embeddings.position_ids", None)  # 0, 1, 2, ...: some files keep it
        projection = f"{_base(prefix)}visual_projection.weight"
        own = from_hugging_face(own)
        if projection in tensors:
            own["proj"] = tensors[projection].mT if tensors[projection].ndim > 1 else tensors[projection]
            beside.remove(projection)
    return own, beside


def _check_anchors(own: Mapping[str, Tensor], origin: str) -> None:
    unfit = [
        name
        for name, ndim in _ANCHORS.items()
        if name not in own or own[name].ndim != ndim or not own[name].numel()
    ]
    if unfit:
        raise WeightFileError(
            f"{origin} does not hold a complete {KIND}.",
            found=f"{len(own)} tensors, but no usable {', '.join(unfit)}",
            expected="a CLIP ViT with class token and layer norms before and after its layers",
            fix="download the file again, or use another CLIP ViT",
        )


def _is_known(name: str, prefix: str) -> bool:
    base = _base(prefix)
    return name.startswith(base) and name[len(base) :].startswith(BESIDE_THE_TOWER)


def _activation(
    width: int, beside: list[str], hugging_face: bool, metadata: Mapping[str, str], origin: str
) -> str:
    named = metadata.get("hidden_act")
    if named is not None and named not in ACTIVATIONS:
        raise WeightFileError(
            f"{origin} names an activation in its header that CLIP towers do not have.",
            found=f"hidden_act = {named[:100]!r}",
            expected=" or ".join(ACTIVATIONS),
            fix="correct the header field",
        )
    archive = any(name.endswith(mark) for name in beside for mark in OPENAI_MARKS)
    openai = archive or (hugging_face and width in OPENAI_WIDTHS)
    return named or ("quick_gelu" if openai else "gelu")


def _read_spec(
    own: Mapping[str, Tensor], activation: str, metadata: Mapping[str, str], origin: str
) -> VisionTowerSpec:
    width, patch_size = own["conv1.weight"].shape[0], own["conv1.weight"].shape[-1]
    num_positions = own["positional_embedding"].shape[0]
    grid = round((num_positions - 1) ** 0.5)
    if grid**2 + 1 != num_positions or not grid:
        raise WeightFileError(
            f"{origin} is not for square pictures.",
            found=f"{num_positions} positions",
            expected="one for the class token and a square number for the patches",
            fix="use a CLIP vision tower for square pictures",
        )
    return VisionTowerSpec(
        width=width,
        layers=count_numbered(own, "transformer.resblocks.", origin),
        num_heads=_num_heads(width, metadata, origin),
        mlp_width=own["transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
        patch_size=patch_size,
        image_size=grid * patch_size,
        output_dim=shape_of(own, "proj", (2,), origin)[1] if "proj" in own else None,
        activation=activation,
    )


def _num_heads(width: int, metadata: Mapping[str, str], origin: str) -> int:
    named = metadata.get("num_heads")
    if named is not None:
        if re.fullmatch(r"\d{1,6}", named) and int(named) > 0 and width % int(named) == 0:
            return int(named)
        found, fix = f"num_heads = {named[:100]!r} for width {width}", "correct the header field"
    else:
        candidates = (HEAD_WIDTHS[width],) if width in HEAD_WIDTHS else USUAL_HEAD_WIDTHS
        for head_width in candidates:
            if width % head_width == 0:
                return width // head_width
        found = f"width {width}, and no `num_heads` in the header"
        fix = "save the tower as safetensors with its number of heads in the header field `num_heads`"
    raise WeightFileError(
        f"{origin} does not say how many attention heads it has.",
        found=found,
        expected="a whole number that divides the width, or a width that is a multiple of 64, 80, 88 or 104",
        fix=fix,
    )


def _expected_shapes(spec: VisionTowerSpec) -> dict[str, tuple[int, ...]]:
    width, grid = spec.width, spec.image_size // spec.patch_size
    shapes: dict[str, tuple[int, ...]] = {
        "class_embedding": (width,),
        "conv1.weight": (width, 3, spec.patch_size, spec.patch_size),
        "positional_embedding": (grid**2 + 1, width),
    }
    if spec.output_dim is not None:
        shapes["proj"] = (width, spec.output_dim)
    linears = {
        "attn.in_proj_": (3 * width, width),
        "attn.out_proj.": (width, width),
        "mlp.c_fc.": (spec.mlp_width, width),
        "mlp.c_proj.": (width, spec.mlp_width),
    }
    layers = [f"transformer.resblocks.{layer}." for layer in range(spec.layers)]
    for name in (
        "ln_pre.",
        "ln_post.",
        *(f"{layer}{norm}" for layer in layers for norm in ("ln_1.", "ln_2.")),
    ):
        shapes[f"{name}weight"] = shapes[f"{name}bias"] = (width,)
    for layer in layers:
        for name, shape in linears.items():
            shapes[f"{layer}{name}weight"], shapes[f"{layer}{name}bias"] = shape, shape[:1]
    return shapes
