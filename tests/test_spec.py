"""Descriptions survive a file's header, and what publication fixes is there for every family."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from stylecrafter_core.formats import read_adapter
from stylecrafter_core.sites import PUBLISHED_SITES
from stylecrafter_core.spec import FAMILIES, AdapterSpec, Site

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["video_a/adapter.pth", "sdxl_a/adapter.ckpt"])
def test_a_spec_goes_through_json_and_back(name: str) -> None:
    spec = read_adapter(GOLDEN / name).spec
    assert AdapterSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_a_spec_cannot_be_changed() -> None:
    spec = read_adapter(GOLDEN / "video_a" / "adapter.pth").spec
    with pytest.raises(FrozenInstanceError):
        spec.context_dim = 1  # type: ignore[misc]


def test_a_site_is_addressed_as_the_host_does() -> None:
    assert Site("output", 3, 1, 640).key == ("output", 3, 1)


def test_published_defaults() -> None:
    video, sdxl = FAMILIES["video"], FAMILIES["sdxl"]
    assert (video.strength, video.cfg_text, video.cfg_style, video.steps) == (1.0, 16.0, 8.5, 50)
    assert (sdxl.strength, sdxl.cfg_text, sdxl.cfg_style, sdxl.steps) == (0.5, 7.5, 5.0, 30)


def test_every_published_family_has_a_site_table_in_its_own_order() -> None:
    assert PUBLISHED_SITES.keys() <= FAMILIES.keys()
    for name, sites in PUBLISHED_SITES.items():
        blocks = [site.block for site in sites]
        assert tuple(dict.fromkeys(blocks)) == FAMILIES[name].site_order
