"""Workflows in API form from files that a user names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from api_prompt import ApiPrompt, fill

from stylecrafter_core.errors import InputError


def filled_workflow(
    file: Path, values: Mapping[str, Any], pictures: Sequence[str], text: str | None
) -> ApiPrompt:
    """The workflow in a file, ready to be queued; see `api_prompt.fill`.

    Raises:
        InputError: it cannot be read, is not in API form, or lacks a node for the pictures or the text.
    """
    workflow = read_workflow(file)
    try:
        return fill(workflow, values, pictures, text)
    except ValueError as problem:
        raise InputError(
            f"The workflow {file} cannot be used.",
            found=str(problem),
            expected="a LoadImage node, and StyleCrafterApplyStyle behind a CLIPTextEncode node",
            fix="start from one in workflows/api/",
        ) from problem


def read_workflow(file: Path) -> ApiPrompt:
    """The workflow in a file.

    Raises:
        InputError: it cannot be read, or is not in API form.
    """
    try:
        workflow = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _no_workflow(file, str(error)) from error
    if not isinstance(workflow, dict) or not all(map(_is_node, workflow.values())):
        raise _no_workflow(file, "values that are no nodes with class_type and inputs")
    return workflow


def _is_node(value: Any) -> bool:
    return isinstance(value, dict) and {"class_type", "inputs"} <= value.keys()


def _no_workflow(file: Path, found: str) -> InputError:
    return InputError(
        f"The workflow {file} cannot be used.",
        found=found,
        expected="a workflow in API form",
        fix="in ComfyUI, choose Workflow > Export (API)",
    )
