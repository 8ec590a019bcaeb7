"""The SDXL workflows run in the real host, from files, through the host's own loader nodes.

What is replaced: the host finds SDXL by its sizes, so it is taught one family of small ones (sdxl_files.py).
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comfy.samplers
import comfy.supported_models
import numpy as np
import pytest
import sdxl_files
import torch
from graph_runner import Graph, GraphRunner
from PIL import Image

FOLDER = Path(__file__).parents[2] / "workflows" / "api"
ONE, SEVERAL = "sdxl_one_reference", "sdxl_several_references"
LORA, CONTROLNET = "sdxl_with_lora", "sdxl_with_controlnet"
NAMES = (ONE, SEVERAL, LORA, CONTROLNET)
SMALL = {"width": 64, "height": 32, "steps": 2}
Picture = np.ndarray


def template(name: str) -> Graph:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def small(name: str) -> Graph:
    """A template with the small files, few pixels and few steps."""
    graph = template(name)
    for node in graph.values():
        values = {**sdxl_files.FILES, **SMALL}
        node["inputs"].update({key: value for key, value in values.items() if key in node["inputs"]})
    return graph


def with_other(graph: Graph, class_type: str, title: str, **values: Any) -> Graph:
    """The graph with other values in its one node of that class whose title begins so."""
    (node,) = (
        node
        for node in graph.values()
        if node["class_type"] == class_type and node["_meta"]["title"].startswith(title)
    )
    node["inputs"].update(values)
    return graph


@pytest.fixture(scope="module")
def draw(host: Any, pack: Any, run_node: Any, run_node_with_ui: Any) -> Iterator[Callable[[Graph], Picture]]:
    """`draw(graph) -> [height, width, 3]`, 0..255: the picture that a graph saves."""
    import nodes

    asyncio.run(nodes.init_builtin_extra_nodes())  # Canny is one
    with pytest.MonkeyPatch.context() as patch:
        known = [sdxl_files.TinyFamily, *comfy.supported_models.models]
        patch.setattr(comfy.supported_models, "models", known)
        sdxl_files.write_files(host, run_node)
        runner = GraphRunner(run_node_with_ui)

        def picture(graph: Graph) -> Picture:
            (saved,) = runner.run(graph)
            with Image.open(host.output / saved["subfolder"] / saved["filename"]) as image:
                return np.asarray(image).astype(int)

        yield picture


@pytest.fixture(scope="module")
def unchanged(draw: Callable[[Graph], Picture]) -> Callable[[str], Picture]:
    """`unchanged(name)`: the picture of a small template as it is."""
    return functools.cache(lambda name: draw(small(name)))


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_comes_out_and_the_same_one_again(name: str, draw: Any, unchanged: Any) -> None:
    picture = unchanged(name)
    assert picture.shape == (SMALL["height"], SMALL["width"], 3)
    assert picture.std() > 1
    assert np.array_equal(draw(small(name)), picture)


@pytest.mark.parametrize(
    ("name", "class_type", "title", "values"),
    [
        (ONE, "LoadImage", "Style picture", {"image": "other.png"}),
        (ONE, "StyleCrafterApplyStyle", "", {"strength": 0.0}),
        (SEVERAL, "LoadImage", "Style picture 1", {"image": "other.png"}),
        (SEVERAL, "LoadImage", "Style picture 2", {"image": "other.png"}),
        (SEVERAL, "LoadImage", "Style picture 3", {"image": "other.png"}),
        (LORA, "LoraLoader", "", {"strength_model": 0.0}),
        (LORA, "LoraLoader", "", {"strength_clip": 0.0}),
        (LORA, "LoadImage", "Style picture", {"image": "other.png"}),
        (CONTROLNET, "ControlNetApplyAdvanced", "", {"strength": 0.0}),
        (CONTROLNET, "LoadImage", "Hint", {"image": "other.png"}),
        (CONTROLNET, "LoadImage", "Style picture", {"image": "other.png"}),
    ],
)
def test_each_part_of_the_graph_counts(
    name: str, class_type: str, title: str, values: dict[str, Any], draw: Any, unchanged: Any
) -> None:
    picture = draw(with_other(small(name), class_type, title, **values))
    assert np.abs(picture - unchanged(name)).max() > 2


@pytest.mark.parametrize("name", NAMES)
def test_the_noise_levels_are_the_published_ones(name: str, golden_sdxl: Any) -> None:
    """The released pipeline samples by Euler at timesteps 958, 925, ..., 1; the host adds 991 before them."""
    (sampler,) = (n["inputs"] for n in template(name).values() if n["class_type"] == "StyleCrafterSampler")
    sampling = golden_sdxl.plain.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(sampling, sampler["scheduler"], sampler["steps"])
    published = torch.tensor([33 * step + 1 for step in reversed(range(30))])
    assert sampler["sampler_name"] == "euler"
    assert sampling.timestep(sigmas[0]) == 991
    assert torch.equal(sampling.timestep(sigmas[1:-1]), published)
    assert sigmas[-1] == 0
