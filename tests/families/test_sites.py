"""The order of published sites, and what is said when an adapter does not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stylecrafter_core.errors import MismatchError
from stylecrafter_core.families import FAMILIES
from stylecrafter_core.families.sdxl import SDXL
from stylecrafter_core.families.video import video_spec
from stylecrafter_core.formats import read_adapter
from stylecrafter_core.sites import order_sites, resolve_sites
from stylecrafter_core.spec import AdapterSpec, Site

GOLDEN = Path(__file__).parents[1] / "golden"
SDXL_SITES = SDXL.published.sites if SDXL.published else ()
# First host block of diffusers' down_blocks.1, .2 and up_blocks.0, .1 in SDXL.
DOWN, UP = {1: 4, 2: 7}, {0: 0, 1: 3}


def test_sdxl_table_is_the_published_order() -> None:
    keys = json.loads((GOLDEN / "official_sdxl_keys.json").read_text())
    (order,) = (value for name, value in keys.items() if name.startswith("attn_processor_order"))
    sites = []
    for name in order[1::2]:  # every other slot is self-attention
        kind, *numbers = name.replace("mid_block", "mid_block.0").split(".")
        block, attention, index = int(numbers[0]), int(numbers[2]), int(numbers[4])
        if kind == "mid_block":
            sites.append(("middle", 0, index))
        elif kind == "down_blocks":
            sites.append(("input", DOWN[block] + attention, index))
        else:
            sites.append(("output", UP[block] + attention, index))
    assert [site.key for site in SDXL_SITES] == sites
    assert len(sites) == 70


def published_video_sites() -> tuple[Site, ...]:
    keys = json.loads((GOLDEN / "official_video_keys.json").read_text())
    (shapes,) = (value for name, value in keys.items() if name.startswith("videocrafter_adapter"))
    tensors = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    return video_spec(tensors, "published").sites or ()


def test_video_sites_are_read_in_the_published_order() -> None:
    """The file lists its sites as the U-Net runs them."""
    keys = json.loads((GOLDEN / "official_video_keys.json").read_text())
    (shapes,) = (value for name, value in keys.items() if name.startswith("videocrafter_adapter"))
    blocks = {"input_blocks": "input", "middle_block": "middle", "output_blocks": "output"}
    sites = []
    for name, shape in shapes.items():
        if name.endswith("to_k_style.weight"):
            first, second, number, *_ = name.split(".")[1].split("_")
            block = blocks[f"{first}_{second}"]
            sites.append(Site(block, 0 if block == "middle" else int(number), 0, shape[0]))
    assert published_video_sites() == tuple(sites)
    assert len(sites) == 16


@pytest.mark.parametrize(("family", "sites"), [("video", published_video_sites()), ("sdxl", SDXL_SITES)])
def test_ordering_restores_the_published_order(family: str, sites: tuple[Site, ...]) -> None:
    assert order_sites(reversed(sites), FAMILIES[family].site_order) == sites


@pytest.fixture
def spec() -> AdapterSpec:
    return read_adapter(GOLDEN / "video_a" / "adapter.pth").spec


def test_a_fitting_model(spec: AdapterSpec) -> None:
    assert spec.sites is not None
    assert resolve_sites(spec, reversed(spec.sites), spec.context_dim) == spec.sites


def test_other_number_of_sites(spec: AdapterSpec) -> None:
    with pytest.raises(MismatchError, match="does not fit") as caught:
        resolve_sites(spec, published_video_sites(), 1024)
    message = str(caught.value)
    assert "16 text cross-attentions, 320/640/1280 wide, over text tokens 1024 wide" in message
    assert "7 text cross-attentions, 32/64 wide, over text tokens 24 wide" in message
    assert "VideoCrafter" in message


def test_other_text_width(spec: AdapterSpec) -> None:
    with pytest.raises(MismatchError, match="text tokens 768 wide"):
        resolve_sites(spec, spec.sites or (), 768)


def test_other_place(spec: AdapterSpec) -> None:
    assert spec.sites is not None
    moved = (*spec.sites[:-1], replace(spec.sites[-1], number=spec.sites[-1].number + 1))
    with pytest.raises(MismatchError) as caught:
        resolve_sites(spec, moved, spec.context_dim)
    assert str(moved[-1].key) in str(caught.value)
    assert str(spec.sites[-1].key) in str(caught.value)
