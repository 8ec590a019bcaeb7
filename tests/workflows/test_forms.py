"""Each template has a thumbnail and an API form that is the same graph."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

FOLDER = Path(__file__).parents[2] / "workflows"
VIDEO = ("single_reference_video", "several_references_video", "image_with_video_model", "long_video")
SDXL = ("sdxl_one_reference", "sdxl_several_references", "sdxl_with_lora", "sdxl_with_controlnet")
NAMES = VIDEO + SDXL
TITLE_HEIGHT = 30  # the page draws it above a node's position
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


@pytest.mark.parametrize("name", NAMES)
def test_no_node_covers_another(name: str) -> None:
    boxes = []
    for node in read(FOLDER / f"{name}.json")["nodes"]:
        (left, top), (width, height) = node["pos"], node["size"]
        boxes.append((left, top - TITLE_HEIGHT, left + width, top + height))
    for a, b in itertools.combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (a, b)


@pytest.mark.parametrize("name", SDXL)
def test_sdxl_templates_have_the_published_values(name: str) -> None:
    published = {
        "StyleCrafterApplyStyle": {"strength": 0.5, "start_at": 0.0, "end_at": 1.0},
        "StyleCrafterSampler": {"steps": 30, "cfg_text": 7.5, "cfg_style": 5.0, "denoise": 1.0},
        "EmptyLatentImage": {"width": 1024, "height": 1024, "batch_size": 1},
    }
    api = read(FOLDER / "api" / f"{name}.json")
    for kind, values in published.items():
        (inputs,) = (node["inputs"] for node in api.values() if node["class_type"] == kind)
        assert {key: inputs[key] for key in values} == values
    (note,) = (node for node in read(FOLDER / f"{name}.json")["nodes"] if node["type"] == "Note")
    assert "strength 0.5, scales 7.5 and 5, 30 steps, 1024 x 1024" in note["widgets_values"][0]


def test_the_controlnet_is_on_the_styled_prompt_and_on_the_negative() -> None:
    api = read(FOLDER / "api" / "sdxl_with_controlnet.json")
    (sampler,) = (node["inputs"] for node in api.values() if node["class_type"] == "StyleCrafterSampler")
    control = api[sampler["positive"][0]]
    assert control["class_type"] == "ControlNetApplyAdvanced"
    assert sampler["positive"] == [sampler["negative"][0], 0]
    assert sampler["negative"][1] == 1
    sources = [api[control["inputs"][name][0]]["class_type"] for name in ("positive", "negative")]
    assert sources == ["StyleCrafterApplyStyle", "CLIPTextEncode"]


def test_the_lora_stands_between_checkpoint_and_patch_and_changes_both_prompts() -> None:
    api = read(FOLDER / "api" / "sdxl_with_lora.json")
    (lora,) = (number for number, node in api.items() if node["class_type"] == "LoraLoader")
    assert api[api[lora]["inputs"]["model"][0]]["class_type"] == "CheckpointLoaderSimple"
    for node in api.values():
        if node["class_type"] == "StyleCrafterPatchModel":
            assert node["inputs"]["model"] == [lora, 0]
        if node["class_type"] == "CLIPTextEncode":
            assert node["inputs"]["clip"] == [lora, 1]
