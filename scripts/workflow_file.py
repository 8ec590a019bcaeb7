"""Read a workflow in API form from a file that a user names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from api_prompt import ApiPrompt

from stylecrafter_core.errors import InputError


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


def _is_node(value: Any) -> bool:
    return isinstance(value, dict) and {"class_type", "inputs"} <= value.keys()


def _no_workflow(file: Path, found: str) -> InputError:
    return InputError(
        f"The workflow {file} cannot be used.",
        found=found,
        expected="a workflow in API form",
        fix="in ComfyUI, choose Workflow > Export (API)",
    )
