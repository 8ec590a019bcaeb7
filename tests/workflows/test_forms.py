"""Each template has a thumbnail and an API form that is the same graph, and names the files that it needs."""

from __future__ import annotations

import itertools
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "workflows"
sys.path += [str(ROOT / "scripts"), str(Path(__file__).parent)]

from added_inputs import ADDED_INPUTS  # noqa: E402
from api_prompt import TEMPLATES  # noqa: E402

VIDEO = ("single_reference_video", "several_references_video", "image_with_video_model", "long_video")
SDXL = ("sdxl_one_reference", "sdxl_several_references", "sdxl_with_lora", "sdxl_with_controlnet")
WAN = ("wan_one_reference", "wan_several_references", "wan_few_steps")
NAMES = VIDEO + SDXL + WAN
TITLE_HEIGHT = 30  # the page draws it above a node's position
ERROR_HEIGHT = 45  # Nodes 2.0 make a node whose file is missing taller by this
# Values that the page keeps behind a widget and does not send.
PAGE_ONLY = {"seed": 1, "image": 1}
NOTE = "MarkdownNote"
MODEL_INPUTS = (
    *("ckpt_name", "adapter_name", "temporal_name", "encoder_name", "lora_name", "control_net_name"),
    *("unet_name", "clip_name", "vae_name"),
)
LINK = r"https://huggingface\.co/[\w.-]+/[\w.-]+/resolve/main/[\w./-]+"
DEPRECATED = ("ImageBatch",)  # in newer hosts; tests/host asks each host


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def template_named(name: str) -> dict[str, Any]:
    """By the name of its API form."""
    return read(FOLDER / f"{TEMPLATES[name]}.json")


def test_these_are_all_the_templates() -> None:
    assert set(TEMPLATES) == set(NAMES)
    for pattern in ("*.json", "*.jpg"):
        assert {path.stem for path in FOLDER.glob(pattern)} == set(TEMPLATES.values())
    assert {path.stem for path in FOLDER.glob("api/*.json")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_thumbnail_is_a_picture(name: str) -> None:
    with Image.open(FOLDER / f"{TEMPLATES[name]}.jpg") as picture:
        assert picture.format == "JPEG"
        assert min(picture.size) >= 256


@pytest.mark.parametrize("name", NAMES)
def test_template_and_api_form_are_the_same_graph(name: str) -> None:
    template, api = template_named(name), read(FOLDER / "api" / f"{name}.json")
    sources = {link[0]: [str(link[1]), link[2]] for link in template["links"]}
    shown = {str(node["id"]): node for node in template["nodes"] if node["type"] != NOTE}
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
        assert inputs | ADDED_INPUTS.get(node["type"], {}) == api[number]["inputs"]


@pytest.mark.parametrize("name", NAMES)
def test_links_join_existing_sockets_of_one_type(name: str) -> None:
    template = template_named(name)
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
    for node in template_named(name)["nodes"]:
        (left, top), (width, height) = node["pos"], node["size"]
        boxes.append((left, top - TITLE_HEIGHT, left + width, top + height))
    for a, b in itertools.combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (a, b)


@pytest.mark.parametrize("name", NAMES)
def test_the_view_is_given(name: str) -> None:
    """Without one the page fits the view while it places nodes of the new kind, and tears them apart."""
    assert set(template_named(name)["extra"]["ds"]) == {"scale", "offset"}


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_has_room_to_be_told(name: str) -> None:
    """Under a node that names files, before the next node and before the end of its group."""
    template = template_named(name)
    boxes = [group["bounding"] for group in template["groups"]]
    for node in template["nodes"]:
        if node["properties"].get("models"):
            (left, top), (_, height) = node["pos"], node["size"]
            below = [other["pos"][1] - TITLE_HEIGHT for other in template["nodes"] if other["pos"][0] == left]
            ends = [y for y in below if y > top]
            ends += [y + h for x, y, w, h in boxes if x < left < x + w and y < top < y + h]
            assert min(ends) - (top + height) >= ERROR_HEIGHT, node["type"]


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_named_with_its_folder_and_link(name: str) -> None:
    nodes = template_named(name)["nodes"]
    (note,) = (node["widgets_values"][0] for node in nodes if node["type"] == NOTE)
    for node in nodes:
        models = {model["name"]: model for model in node["properties"].get("models", [])}
        inputs = [entry["name"] for entry in node["inputs"] if "widget" in entry]
        files = [v for i, v in zip(inputs, node["widgets_values"], strict=False) if i in MODEL_INPUTS]
        assert sorted(models) == sorted(files)
        for file, model in models.items():
            assert re.fullmatch(
                r"https://huggingface\.co/[\w.-]+/[\w.-]+/resolve/main/[\w./-]+", model["url"]
            )
            assert f"- {model['directory']}: [{file}]({model['url']})" in note


@pytest.mark.parametrize("name", NAMES)
def test_every_node_names_its_pack_and_none_is_deprecated(name: str) -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (pack,) = re.findall(r'^name = "(.*)"$', project, re.MULTILINE)
    for node in template_named(name)["nodes"]:
        if node["type"] != NOTE:
            ours = node["type"].startswith("StyleCrafter")
            assert node["properties"]["cnr_id"] == (pack if ours else "comfy-core")
            assert re.fullmatch(r"\d+\.\d+\.\d+", node["properties"]["ver"])
        assert node["type"] not in DEPRECATED


@pytest.mark.parametrize("name", NAMES)
def test_the_pictures_are_shipped(name: str) -> None:
    shipped = {path.name for path in (FOLDER / "pictures").iterdir()}
    for node in read(FOLDER / "api" / f"{name}.json").values():
        if node["class_type"] == "LoadImage":
            assert node["inputs"]["image"] in shipped


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
    (note,) = (node for node in template_named(name)["nodes"] if node["type"] == NOTE)
    assert "strength 0.5, scales 7.5 and 5, 30 steps, 1024 x 1024" in note["widgets_values"][0]


def test_the_controlnet_is_on_the_styled_prompt_and_on_the_negative() -> None:
    api = read(FOLDER / "api" / "sdxl_with_controlnet.json")
    (sampler,) = (node["inputs"] for node in api.values() if node["class_type"] == "StyleCrafterSampler")
    control = api[sampler["positive"][0]]
    assert control["class_type"] == "ControlNetApplyAdvanced"
    assert sampler["positive"] == [sampler["negative"][0], 0]
    assert sampler["negative"][1] == 1
    sources = [api[control["inputs"][name][0]]["class_type"] for name in ("positive", "negative", "image")]
    assert sources == ["StyleCrafterApplyStyle", "CLIPTextEncode", "Canny"]


def test_the_lora_stands_between_checkpoint_and_patch_and_changes_both_prompts() -> None:
    api = read(FOLDER / "api" / "sdxl_with_lora.json")
    (lora,) = (number for number, node in api.items() if node["class_type"] == "LoraLoader")
    assert api[api[lora]["inputs"]["model"][0]]["class_type"] == "CheckpointLoaderSimple"
    for node in api.values():
        if node["class_type"] == "StyleCrafterPatchModel":
            assert node["inputs"]["model"] == [lora, 0]
        if node["class_type"] == "CLIPTextEncode":
            assert node["inputs"]["clip"] == [lora, 1]


WAN_VALUES = {
    "CLIPLoader": {"type": "wan"},
    "EmptyHunyuanLatentVideo": {"width": 832, "height": 480, "length": 81, "batch_size": 1},
    "StyleCrafterApplyStyle": {"strength": 1.0, "start_at": 0.0, "end_at": 1.0},
    "StyleCrafterVideoCombine": {"frame_rate": 16.0},
}
PUBLISHED_WAN = {
    "ModelSamplingSD3": {"shift": 5.0},
    "StyleCrafterSampler": {
        **{"steps": 50, "cfg_text": 8.0, "cfg_style": 4.0},
        **{"sampler_name": "euler", "scheduler": "simple", "denoise": 1.0},
    },
}
FEW_STEPS = {
    "LoraLoaderModelOnly": {"strength_model": 1.0},
    "ModelSamplingSD3": {"shift": 8.0},
    "StyleCrafterSampler": {
        **{"steps": 4, "cfg_text": 1.0, "cfg_style": 1.0},
        **{"sampler_name": "lcm", "scheduler": "simple", "denoise": 1.0},
    },
}


@pytest.mark.parametrize(
    ("name", "own"), [(WAN[0], PUBLISHED_WAN), (WAN[1], PUBLISHED_WAN), (WAN[2], FEW_STEPS)]
)
def test_wan_templates_have_the_published_values_or_those_of_few_steps(
    name: str, own: dict[str, dict[str, Any]]
) -> None:
    api = read(FOLDER / "api" / f"{name}.json")
    for kind, values in (WAN_VALUES | own).items():
        (inputs,) = (node["inputs"] for node in api.values() if node["class_type"] == kind)
        assert {key: inputs[key] for key in values} == values


@pytest.mark.parametrize("name", WAN)
def test_the_patch_comes_last_before_wans_sampler(name: str) -> None:
    api = read(FOLDER / "api" / f"{name}.json")
    (sampler,) = (node for node in api.values() if node["class_type"] == "StyleCrafterSampler")
    chain, node = [], sampler
    while "model" in node["inputs"]:
        node = api[node["inputs"]["model"][0]]
        chain.append(node["class_type"])
    lora = ["LoraLoaderModelOnly"] if name == "wan_few_steps" else []
    assert chain == ["StyleCrafterPatchModel", "ModelSamplingSD3", *lora, "UNETLoader"]
