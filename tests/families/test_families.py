"""A family is one file: what it fixes, that nothing else names it, and that a new one is read at once."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from stylecrafter_core.families import FAMILIES, image_tokens_of
from stylecrafter_core.families.published import without_prefix
from stylecrafter_core.features import CLIP_TOKENS
from stylecrafter_core.formats import adapter_to_official, detect, read_adapter, save_adapter
from stylecrafter_core.formats.read import TensorFile
from stylecrafter_core.formats.readers import adapter_of
from stylecrafter_core.spec import AdapterSpec

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
PACK = [file for room in ("stylecrafter_core", "nodes") for file in sorted((ROOT / room).rglob("*.py"))]

# What names a family beside its own file and `families/__init__.py`. "video" is a word of media, too.
NAMED = {
    "stylecrafter_core/features/contracts.py": "an image-token contract of the same name",
    "stylecrafter_core/training/config/schema.py": "the default of adapter.family, a text encoder",
    "stylecrafter_core/training/host/frozen_base.py": "a text encoder of the host",
}


def published_spec(family: str) -> AdapterSpec:
    """Of the key list at full size."""
    keys = json.loads((GOLDEN / f"official_{family}_keys.json").read_text())
    (shapes,) = (value for title, value in keys.items() if "_adapter (" in title)
    return adapter_of(on_meta(shapes), "published").spec


def on_meta(shapes: dict[str, list[int]]) -> TensorFile:
    return TensorFile({name: torch.empty(shape, device="meta") for name, shape in shapes.items()}, {})


def test_published_defaults() -> None:
    video, sdxl = FAMILIES["video"].defaults, FAMILIES["sdxl"].defaults
    assert (video.strength, video.cfg_text, video.cfg_style, video.steps) == (1.0, 16.0, 8.5, 50)
    assert (video.width, video.height, video.frames) == (512, 320, 16)
    assert (sdxl.strength, sdxl.cfg_text, sdxl.cfg_style, sdxl.steps) == (0.5, 7.5, 5.0, 30)
    assert (sdxl.width, sdxl.height, sdxl.frames) == (1024, 1024, 1)


@pytest.mark.parametrize("name", ["video", "sdxl"])
def test_a_new_adapter_has_the_published_sizes(name: str) -> None:
    family, spec = FAMILIES[name], published_spec(name)
    style, scale, sizes = spec.style_transformer, spec.scale_predictor, family.sizes
    assert (sizes.num_queries, sizes.depth) == (style.num_queries, style.depth)
    assert (sizes.scale_width or spec.context_dim, sizes.scale_depth) == (scale.width, scale.depth)
    assert (sizes.text_first, sizes.projects) == (scale.text_first, scale.projects_inputs)
    assert (family.style_heads, family.scale_heads) == (style.num_heads, scale.num_heads)
    assert spec.family == family.name


def test_any_other_unet_gets_the_sizes_of_sdxl() -> None:
    assert FAMILIES["unet"].sizes == FAMILIES["sdxl"].sizes
    assert (FAMILIES["unet"].style_heads, FAMILIES["unet"].scale_heads) == (16, 8)


def test_every_family_reads_a_contract_that_there_is() -> None:
    assert {family.image_tokens for family in FAMILIES.values()} <= CLIP_TOKENS.keys()
    assert all(name == family.name for name, family in FAMILIES.items())


def test_what_bases_learn_and_how_they_take_a_video() -> None:
    assert {name for name, family in FAMILIES.items() if family.objective == "flow matching"} == {"wan"}
    assert {name for name, family in FAMILIES.items() if not family.frames_are_rows} == {"wan"}


def test_the_image_tokens_are_the_adapters_own_before_the_familys(tmp_path: Path) -> None:
    file = read_adapter(GOLDEN / "sdxl_a" / "adapter.ckpt")
    assert image_tokens_of(file.spec) == "sdxl"
    assert "clip_tokens" not in file.spec.to_dict()
    other = replace(file.spec, clip_tokens="video")
    save_adapter(tmp_path / "other.safetensors", other, file.tensors)
    assert image_tokens_of(read_adapter(tmp_path / "other.safetensors").spec) == "video"


def test_no_other_file_names_a_family() -> None:
    families = ROOT / "stylecrafter_core" / "families"
    own_words = {name for name in FAMILIES if name != "video"}
    found = {
        file.relative_to(ROOT).as_posix()
        for file in PACK
        if families not in file.parents and own_words & set(strings(file))
    }
    assert found == NAMED.keys()


def strings(file: Path) -> list[str]:
    return [
        node.value
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_a_new_family_is_one_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its published file is recognised, read, saved in our format and written back, by its record alone."""
    video = FAMILIES["video"]
    assert video.published is not None
    theirs = "dream."

    def spec(tensors: dict[str, Tensor], file: str) -> AdapterSpec:
        named = {name.removeprefix(theirs): tensor for name, tensor in tensors.items()}
        return replace(video.published.spec(named, file), family="dream")  # type: ignore[union-attr]

    dream = replace(
        video,
        name="dream",
        published=replace(
            video.published,
            words="style adapter for Dream, as published",
            recognises=lambda names: any(name.startswith(theirs) for name in names),
            spec=spec,
            table=lambda spec: tuple(
                replace(row, official=theirs + row.official)
                for row in video.published.table(spec)  # type: ignore[union-attr]
            ),
        ),
    )
    monkeypatch.setitem(FAMILIES, "dream", dream)
    known = read_adapter(GOLDEN / "video_a" / "adapter.pth")
    official = {
        theirs + name: tensor for name, tensor in adapter_to_official(known.spec, known.tensors).items()
    }
    assert detect(official, {}).words == "style adapter for Dream, as published"
    read = adapter_of(TensorFile(official, {}), "dream.pth")
    assert read.spec.family == "dream"
    save_adapter(tmp_path / "own.safetensors", read.spec, read.tensors)
    again = read_adapter(tmp_path / "own.safetensors")
    back = adapter_to_official(again.spec, again.tensors)
    assert back.keys() == official.keys()
    assert all(torch.equal(back[name], official[name]) for name in official)
    assert without_prefix(back).keys() == official.keys()
