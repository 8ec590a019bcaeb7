"""Workflows in API form: their templates, and weight files, style picture and prompt filled in."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ApiPrompt = dict[str, dict[str, Any]]

# Name of the file in workflows/api -> name of the template in workflows/, which is its title in the page.
TEMPLATES = {
    "single_reference_video": "Style a video with one picture",
    "several_references_video": "Style a video with several pictures",
    "long_video": "Style a long video",
    "image_with_video_model": "Style an image with the video model",
    "sdxl_one_reference": "Style an SDXL image with one picture",
    "sdxl_several_references": "Style an SDXL image with several pictures",
    "sdxl_with_lora": "Style an SDXL image with a LoRA",
    "sdxl_with_controlnet": "Style an SDXL image with a ControlNet",
    "wan_one_reference": "Style a Wan video with one picture",
    "wan_several_references": "Style a Wan video with several pictures",
    "wan_few_steps": "Style a Wan video in few steps",
}


def template_of(workflow: Path) -> Path:
    """Where the template of a workflow in API form lies, whether or not there is one."""
    name = TEMPLATES.get(workflow.stem, workflow.stem)
    return workflow.absolute().parents[1] / f"{name}.json"


def fill(
    workflow: ApiPrompt, values: Mapping[str, Any], pictures: Sequence[str], text: str | None
) -> ApiPrompt:
    """A copy of the workflow that is ready to be queued.

    Args:
        values: put into every input of that name, e.g. {"ckpt_name": "base.safetensors", "steps": 10}.
        pictures: files in the host's input folder, for the LoadImage nodes in turn; the last for those left.
        text: prompt for the text encode node that style is applied to; None keeps the workflow's own.

    Raises:
        ValueError: the workflow has no node that loads a picture, or none that style is applied to.
    """
    filled = copy.deepcopy(workflow)
    loaders = [node for node in filled.values() if node["class_type"] == "LoadImage"]
    if not loaders:
        raise ValueError("the workflow has no LoadImage node to give the style picture to")
    for number, node in enumerate(loaders):
        node["inputs"]["image"] = pictures[min(number, len(pictures) - 1)]
    for node in filled.values():
        node["inputs"].update({name: value for name, value in values.items() if name in node["inputs"]})
    if text is not None:
        _styled_text_node(filled)["inputs"]["text"] = text
    return filled


def _styled_text_node(workflow: ApiPrompt) -> dict[str, Any]:
    """The CLIPTextEncode at the other end of the first StyleCrafterApplyStyle's conditioning."""
    for node in workflow.values():
        while node["class_type"] == "StyleCrafterApplyStyle":
            node = workflow[node["inputs"]["conditioning"][0]]
            if node["class_type"] == "CLIPTextEncode":
                return node
    raise ValueError(
        "the workflow has no CLIPTextEncode followed by StyleCrafterApplyStyle to give the prompt to"
    )
