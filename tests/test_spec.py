"""Descriptions survive a file's header, and older ones read as before."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from stylecrafter_core.formats import read_adapter
from stylecrafter_core.spec import AdapterSpec, Site

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
