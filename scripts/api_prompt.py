"""Fill a workflow in API form: weight files, style picture and prompt."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

ApiPrompt = dict[str, dict[str, Any]]


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
