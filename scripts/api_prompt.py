"""Read and fill a workflow in API form: weight files, style picture and prompt."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stylecrafter_core.errors import InputError

ApiPrompt = dict[str, dict[str, Any]]


def read_workflow(file: Path) -> ApiPrompt:
    """The workflow in a file.

    Raises:
        InputError: it cannot be read, or is not in API form.
    """
    try:
        workflow = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _no_workflow(file, str(error)) from error
    if not isinstance(workflow, dict) or not all(map(_is_node, workflow.values())):
        raise _no_workflow(file, "values that are no nodes with class_type and inputs")
    return workflow


def fill(
    workflow: ApiPrompt, values: Mapping[str, Any], pictures: Sequence[str], text: str | None
) -> ApiPrompt:
    """A copy of the workflow that is ready to be queued.

    Args:
        values: put into every input of that name, e.g. {"ckpt_name": "base.safetensors", "steps": 10}.
        pictures: files in the host's input folder, for the LoadImage nodes in turn; the last for those left.
        text: prompt for the text encode node that style is applied to; None keeps the workflow's own.

    Raises:
        InputError: the workflow has no node that loads a picture, or none that style is applied to.
    """
    filled = copy.deepcopy(workflow)
    loaders = [node for node in filled.values() if node["class_type"] == "LoadImage"]
    if not loaders:
        raise _lacking("a LoadImage node, which gets the style picture")
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
    raise _lacking("a CLIPTextEncode before a StyleCrafterApplyStyle, which gets the prompt")


def _is_node(value: Any) -> bool:
    return isinstance(value, dict) and {"class_type", "inputs"} <= value.keys()


def _no_workflow(file: Path, found: str) -> InputError:
    return InputError(
        f"The workflow {file} cannot be used.",
        found=found,
        expected="a workflow in API form",
        fix="in ComfyUI, choose Workflow > Export (API)",
    )


def _lacking(expected: str) -> InputError:
    return InputError("The workflow cannot be filled.", found="no such node", expected=expected)
