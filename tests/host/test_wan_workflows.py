"""The Wan workflows run in the real host, from files, through the host's own nodes.

What is replaced: the host knows Wan and its text encoder by their sizes, so it is taught small ones
(wan_files.py).
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comfy.ldm.modules.attention
import comfy.ldm.wan.model
import pytest
import torch
from graph_runner import Graph, GraphRunner
from torch import Tensor

if not hasattr(comfy.ldm.modules.attention, "wrap_attn"):
    pytest.skip("this ComfyUI cannot replace attention from outside", allow_module_level=True)

import wan_files

FOLDER = Path(__file__).parents[2] / "workflows" / "api"
ONE, SEVERAL, FEW = "wan_one_reference", "wan_several_references", "wan_few_steps"
SMALL = {"width": 64, "height": 32, "length": 5}
STEPS = {ONE: 2, SEVERAL: 2, FEW: 4}  # few steps are few enough
END = "StyleCrafterVideoCombine"


def small(name: str) -> Graph:
    """A template with the small files, few pixels and, where there are many, few steps."""
    graph = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    pictures = [node for node in graph.values() if node["class_type"] == "LoadImage"]
    for node in graph.values():
        values = {**wan_files.FILES, **SMALL, "steps": STEPS[name]}
        node["inputs"].update({key: value for key, value in values.items() if key in node["inputs"]})
    for number, node in enumerate(pictures, start=1):
        node["inputs"]["image"] = f"style_{number}.png"
    return graph


def with_other(graph: Graph, class_type: str, place: int = 0, **values: Any) -> Graph:
    """The graph with other values in the node of that class at that place."""
    nodes = [node for node in graph.values() if node["class_type"] == class_type]
    nodes[place]["inputs"].update(values)
    return graph


@pytest.fixture(scope="module")
def film(host: Any, pack: Any, run_node_with_ui: Any) -> Iterator[Callable[[Graph], Tensor]]:
    """`film(graph) -> [frames, height, width, 3]`, 0..1: the video that a graph saves."""
    import importlib

    import nodes

    asyncio.run(nodes.init_builtin_extra_nodes())
    media = importlib.import_module(f"{pack.__name__}.stylecrafter_core.media")
    wan_files.write_files(host)
    with wan_files.taught_host():
        runner = GraphRunner(run_node_with_ui)

        def frames(graph: Graph) -> Tensor:
            (saved,) = runner.run(graph, END)
            return media.read_video(host.output / saved["subfolder"] / saved["filename"]).frames

        yield frames


@pytest.fixture(scope="module")
def unchanged(film: Callable[[Graph], Tensor]) -> Callable[[str], Tensor]:
    """`unchanged(name)`: the video of a small template as it is."""
    return functools.cache(lambda name: film(small(name)))


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each call of Wan."""
    forward, seen = comfy.ldm.wan.model.WanModel.forward, []

    def counted(self: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        seen.append(len(x))
        return forward(self, x, *args, **kwargs)

    monkeypatch.setattr(comfy.ldm.wan.model.WanModel, "forward", counted)
    return seen


@pytest.mark.parametrize("name", [ONE, SEVERAL, FEW])
def test_a_video_comes_out_and_the_same_one_again(name: str, film: Any, unchanged: Any) -> None:
    video = unchanged(name)
    assert video.shape == (SMALL["length"], SMALL["height"], SMALL["width"], 3)
    assert video.std() > 0.01
    assert torch.equal(film(small(name)), video)


@pytest.mark.parametrize("name", [ONE, SEVERAL])
def test_with_guidance_there_are_three_passes_a_step(name: str, film: Any, rows: list[int]) -> None:
    film(small(name))
    assert sum(rows) == 3 * STEPS[name]


def test_in_few_steps_there_is_one_pass_a_step(film: Any, rows: list[int]) -> None:
    film(small(FEW))
    assert rows == [1] * STEPS[FEW]


@pytest.mark.parametrize(
    ("name", "class_type", "place", "values"),
    [
        (ONE, "LoadImage", 0, {"image": "other.png"}),
        (ONE, "StyleCrafterApplyStyle", 0, {"strength": 0.0}),
        (ONE, "CLIPTextEncode", 0, {"text": "a red tower"}),
        (ONE, "CLIPTextEncode", 1, {"text": ""}),
        *((SEVERAL, "LoadImage", place, {"image": "other.png"}) for place in range(3)),
        (FEW, "LoadImage", 0, {"image": "other.png"}),
        (FEW, "StyleCrafterApplyStyle", 0, {"strength": 0.0}),
        (FEW, "StyleCrafterApplyStyle", 0, {"strength": 0.5}),
        (FEW, "LoraLoaderModelOnly", 0, {"strength_model": 0.0}),
    ],
)
def test_each_part_of_the_graph_counts(
    name: str, class_type: str, place: int, values: dict[str, Any], film: Any, unchanged: Any
) -> None:
    video = film(with_other(small(name), class_type, place, **values))
    assert (video - unchanged(name)).abs().max() > 2 / 255
