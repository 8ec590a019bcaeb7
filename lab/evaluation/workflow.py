"""A workflow in API form, filled with a pair: prompt, references, seed."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stylecrafter_core.errors import InputError

ApiPrompt = dict[str, dict[str, Any]]
PROMPT, STYLE = "%prompt%", "%style%"
SEEDS = ("seed", "noise_seed")
TRAINER = "TrainLoraNode"  # learns the references alike for every prompt: seed and steps are its own
NONE = "none"


def read_workflow(file: Path) -> ApiPrompt:
    """A workflow in API form.

    Raises:
        InputError: it cannot be read, or is in another form.
    """
    try:
        graph = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise _no_workflow(file, str(problem)) from problem
    nodes = list(graph.values()) if isinstance(graph, dict) else []
    if not nodes or not all(
        isinstance(node, dict) and {"class_type", "inputs"} <= node.keys() for node in nodes
    ):
        raise _no_workflow(file, "no nodes with class_type and inputs")
    return graph


def _no_workflow(file: Path, found: str) -> InputError:
    return InputError(
        f"{file} is no workflow that can be run.",
        found=found,
        expected="a workflow in API form",
        fix="in ComfyUI, choose Workflow > Export (API)",
    )


def filled(
    workflow: ApiPrompt,
    prompt: str,
    pictures: Sequence[str],
    seed: int,
    values: Mapping[str, Any],
    style: str = "",
) -> ApiPrompt:
    """A copy with everything in its place.

    The prompt goes where `%prompt%` stands, else into the text that a style is applied to; the style in words
    where `%style%` stands. The first Load Image node loads the first picture; further pictures join it as a
    batch, wherever it leads to; a workflow with several such nodes gives each its own, the last for those
    left. The seed goes into every seed but that of a training node, which is to learn the same references
    once for all prompts.

    Args:
        pictures: files in the host's input folder; none leaves the nodes as they are.
        values: for every input of these names, or `node class.name` for that class alone; a training node
            takes only the latter. What is "none" in the workflow stays so: a method that goes without an
            adapter still does.

    Raises:
        InputError: there is no place for the prompt.
    """
    graph = copy.deepcopy(workflow)
    for node in graph.values():
        trains = node["class_type"] == TRAINER
        for name, value in node["inputs"].items():
            given = values.get(f"{node['class_type']}.{name}", None if trains else values.get(name))
            if name in SEEDS and not isinstance(value, list) and not trains:
                node["inputs"][name] = seed
            elif given is not None and value != NONE:
                node["inputs"][name] = given
    _put_prompt(graph, prompt)
    for inputs in _texts(graph):
        inputs["text"] = inputs["text"].replace(STYLE, style)
    if pictures:
        _put_pictures(graph, pictures)
    return graph


def with_output_numbers(graph: ApiPrompt, nodes: Mapping[str, Mapping[str, Any]]) -> ApiPrompt:
    """A copy in which links that name an output's type, as `["15", "LORA_MODEL"]`, have its number.

    A training node has its outputs in another order from one release of the host to the next.

    Args:
        nodes: the host's description of its nodes, by class.

    Raises:
        InputError: the node has no such output in this host.
    """

    def number(value: Any) -> Any:
        if not (isinstance(value, list) and len(value) == 2 and isinstance(value[1], str)):
            return value
        kind = graph[value[0]]["class_type"]
        outputs = list(nodes[kind]["output"])
        if value[1] not in outputs:
            raise InputError(
                f"The node {kind} of this ComfyUI does not give what the workflow takes from it.",
                found=", ".join(map(str, outputs)) or "no outputs",
                expected=value[1],
                fix="take a release of ComfyUI that the README names as tested",
            )
        return [value[0], outputs.index(value[1])]

    return {
        name: {**node, "inputs": {key: number(value) for key, value in node["inputs"].items()}}
        for name, node in graph.items()
    }


def wants_style_words(workflow: ApiPrompt) -> bool:
    """Whether `%style%` stands in one of its texts."""
    return any(STYLE in inputs["text"] for inputs in _texts(workflow))


def _texts(graph: ApiPrompt) -> list[dict[str, Any]]:
    """The inputs of every node with a text of its own."""
    return [node["inputs"] for node in graph.values() if isinstance(node["inputs"].get("text"), str)]


def _put_prompt(graph: ApiPrompt, prompt: str) -> None:
    marked = [inputs for inputs in _texts(graph) if PROMPT in inputs["text"]]
    if not marked:
        marked = [_styled_text(graph)]
        marked[0]["text"] = PROMPT
    for inputs in marked:
        inputs["text"] = inputs["text"].replace(PROMPT, prompt)


def _styled_text(graph: ApiPrompt) -> dict[str, Any]:
    """The inputs of the text node at the other end of the first Apply Style's conditioning."""
    for node in graph.values():
        while node["class_type"] in ("StyleCrafterApplyStyle", "StyleCrafterAttachToText"):
            node = graph[node["inputs"]["conditioning"][0]]
            if isinstance(node["inputs"].get("text"), str):
                return node["inputs"]
    raise InputError(
        "The workflow has no place for the prompt.",
        found="no text with %prompt% in it, and no text node in front of Apply Style",
        expected="one of the two",
        fix="write %prompt% where the prompt belongs, and export the workflow again",
    )


def _put_pictures(graph: ApiPrompt, pictures: Sequence[str]) -> None:
    loaders = [name for name, node in graph.items() if node["class_type"] == "LoadImage"]
    for place, name in enumerate(loaders):
        graph[name]["inputs"]["image"] = pictures[min(place, len(pictures) - 1)]
    if len(loaders) == 1 and len(pictures) > 1:
        _join(graph, loaders[0], pictures[1:])


def _join(graph: ApiPrompt, loader: str, pictures: Sequence[str]) -> None:
    """Load further pictures and put them behind the loader's own, for every node that reads it."""
    readers = [
        (node["inputs"], name)
        for node in graph.values()
        for name, value in node["inputs"].items()
        if value == [loader, 0]
    ]
    before = [loader, 0]
    for number, picture in enumerate(pictures):
        load, batch = f"{loader}_picture_{number}", f"{loader}_batch_{number}"
        graph[load] = {"class_type": "LoadImage", "inputs": {"image": picture}}
        graph[batch] = {"class_type": "ImageBatch", "inputs": {"image1": before, "image2": [load, 0]}}
        before = [batch, 0]
    for inputs, name in readers:
        inputs[name] = before
