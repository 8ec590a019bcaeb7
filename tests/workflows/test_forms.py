"""Each template has a thumbnail and an API form that is the same graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

FOLDER = Path(__file__).parents[2] / "workflows"
NAMES = ("single_reference_video", "several_references_video", "image_with_video_model", "long_video")
# Values that the page keeps behind a widget and does not send.
PAGE_ONLY = {"seed": 1, "image": 1}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_these_are_all_the_templates() -> None:
    for pattern in ("*.json", "*.jpg", "api/*.json"):
        assert {path.stem for path in FOLDER.glob(pattern)} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_thumbnail_is_a_picture(name: str) -> None:
    with Image.open(FOLDER / f"{name}.jpg") as picture:
        assert picture.format == "JPEG"
        assert min(picture.size) >= 256


@pytest.mark.parametrize("name", NAMES)
def test_template_and_api_form_are_the_same_graph(name: str) -> None:
    template, api = read(FOLDER / f"{name}.json"), read(FOLDER / "api" / f"{name}.json")
    sources = {link[0]: [str(link[1]), link[2]] for link in template["links"]}
    shown = {str(node["id"]): node for node in template["nodes"] if node["type"] != "Note"}
    assert {number: node["type"] for number, node in shown.items()} == {
        number: node["class_type"] for number, node in api.items()
    }
    for number, node in shown.items():
        values = list(node["widgets_values"])
        inputs = {}
        for entry in node["inputs"]:
            if "widget" in entry:
                inputs[entry["name"]] = values.pop(0)
                del values[: PAGE_ONLY.get(entry["name"], 0)]
            elif entry["link"] is not None:
                inputs[entry["name"]] = sources[entry["link"]]
        assert not values
        assert inputs == api[number]["inputs"]


@pytest.mark.parametrize("name", NAMES)
def test_links_join_existing_sockets_of_one_type(name: str) -> None:
    template = read(FOLDER / f"{name}.json")
    nodes = {node["id"]: node for node in template["nodes"]}
    assert template["links"]
    for number, source, output, target, slot, kind in template["links"]:
        assert nodes[source]["outputs"][output]["type"] == kind
        assert number in nodes[source]["outputs"][output]["links"]
        assert nodes[target]["inputs"][slot]["link"] == number
        assert nodes[target]["inputs"][slot]["type"] == kind
