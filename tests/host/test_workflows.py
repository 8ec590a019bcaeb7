"""The workflows run in the real host: served over HTTP, on the small family.

Those of SDXL run in test_sdxl_workflows.py, those of Wan in test_wan_workflows.py.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import pytest
import torch
from PIL import Image

ROOT = Path(__file__).parents[2]
API = ROOT / "workflows" / "api"
SHOWN = sorted(file for folder in ("workflows", "subgraphs") for file in (ROOT / folder).glob("*.json"))
sys.path.append(str(ROOT / "tests" / "workflows"))

from added_inputs import ADDED_INPUTS  # noqa: E402

NAMES = (
    "single_reference_video",
    "several_references_video",
    "image_with_video_model",
    "long_video",
    "sdxl_one_reference",
    "sdxl_several_references",
    "sdxl_with_lora",
    "sdxl_with_controlnet",
    "wan_one_reference",
    "wan_several_references",
    "wan_few_steps",
)
SMALL = {"width": 64, "height": 64, "steps": 2}
FRAME_RATE = 8
# In a process of its own: this one has the core as a part of the pack, under another name.
PLACE = """
import json, sys
from pathlib import Path
sys.path.append("")
from lab.family import family
print(json.dumps(family.place(Path(sys.argv[1]))))
"""


def workflow(name: str) -> dict[str, Any]:
    return json.loads((API / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def node_classes(pack: ModuleType) -> dict[str, Any]:
    """Every node of the host and of the pack by its id."""
    import nodes

    asyncio.run(nodes.init_builtin_extra_nodes())
    return nodes.NODE_CLASS_MAPPINGS


@pytest.mark.parametrize("name", NAMES)
def test_every_input_is_one_that_the_node_has(name: str, node_classes: dict[str, Any]) -> None:
    for node in workflow(name).values():
        offered = node_classes[node["class_type"]].INPUT_TYPES()
        required, optional = set(offered["required"]), set(offered.get("optional", {}))
        known = required | optional | set(ADDED_INPUTS.get(node["class_type"], {}))
        assert required <= set(node["inputs"]) <= known, node["class_type"]


def is_deprecated(node_class: Any) -> bool:
    """Whether the host's page marks the node so."""
    return bool(getattr(node_class, "DEPRECATED", False))


@pytest.mark.parametrize("file", SHOWN, ids=lambda file: file.stem)
def test_no_node_is_one_that_the_host_calls_deprecated(file: Path, node_classes: dict[str, Any]) -> None:
    shown = json.loads(file.read_text(encoding="utf-8"))
    graphs = [shown, *shown.get("definitions", {}).get("subgraphs", [])]
    types = {node["type"] for graph in graphs for node in graph["nodes"]}
    known = types & node_classes.keys()  # notes and boxes are the page's own
    assert {"VAEDecode", "StyleCrafterSampler"} <= known
    assert [name for name in known if is_deprecated(node_classes[name])] == []


def test_the_host_says_which_of_its_nodes_are_deprecated(node_classes: dict[str, Any]) -> None:
    assert is_deprecated(node_classes["ControlNetApply"])
    assert not is_deprecated(node_classes["ControlNetApplyAdvanced"])


@pytest.fixture(scope="module")
def weights(served_base: Path) -> dict[str, str]:
    """The small family and three style pictures, where the served host looks for them."""
    pictures = served_base / "input"
    pictures.mkdir(parents=True, exist_ok=True)
    for number in range(3):
        pixels = torch.rand(40, 60, 3, generator=torch.Generator().manual_seed(number))
        Image.fromarray((pixels * 255).byte().numpy()).save(pictures / f"style_{number}.png")
    placed = subprocess.run(
        [sys.executable, "-c", PLACE, str(served_base / "models")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(placed.stdout)


def run(client: Any, file: Path, weights: dict[str, str], **values: Any) -> Any:
    from api_prompt import fill, template_of

    template = template_of(file)
    shown = json.loads(template.read_text(encoding="utf-8")) if template.is_file() else None
    pictures = [f"style_{number}.png" for number in range(3)]
    prompt = fill(
        json.loads(file.read_text(encoding="utf-8")), {**weights, **SMALL, **values}, pictures, None
    )
    job = client.wait(client.queue(prompt, shown), 300.0)
    assert job.error is None, job.error
    return job


def saved(job: Any, base: Path, suffix: str) -> Path:
    (path,) = (
        base / "output" / file["subfolder"] / file["filename"]
        for file in job.files
        if file["filename"].endswith(suffix)
    )
    return path


@pytest.mark.parametrize(
    ("name", "frames"),
    [("single_reference_video", 16), ("several_references_video", 16), ("long_video", 64)],
)
def test_a_video_comes_out(
    name: str, frames: int, weights: dict[str, str], served_host: Any, served_base: Path
) -> None:
    job = run(served_host, API / f"{name}.json", weights)
    steps = [
        (data["value"], data["max"]) for data in job.data_of("progress") if data["max"] == SMALL["steps"]
    ]
    assert steps[-1] == (SMALL["steps"], SMALL["steps"])
    with av.open(str(saved(job, served_base, ".mp4"))) as film:
        stream = film.streams.video[0]
        assert (stream.width, stream.height) == (SMALL["width"], SMALL["height"])
        assert stream.average_rate == FRAME_RATE
        assert sum(1 for _ in film.decode(stream)) == frames
        metadata = film.metadata
    assert json.loads(metadata["workflow"])["nodes"]
    classes = {node["class_type"] for node in json.loads(metadata["prompt"]).values()}
    assert {"StyleCrafterSampler", "StyleCrafterVideoCombine"} <= classes


def test_an_image_comes_out(weights: dict[str, str], served_host: Any, served_base: Path) -> None:
    job = run(served_host, API / "image_with_video_model.json", weights)
    with Image.open(saved(job, served_base, ".png")) as picture:
        assert picture.size == (SMALL["width"], SMALL["height"])


def test_a_workflow_of_the_first_version_runs(weights: dict[str, str], served_host: Any) -> None:
    """Several references as one batch of the host's Batch Images, which newer versions call deprecated."""
    file = ROOT / "tests" / "golden" / "workflows" / "several_references_0_1_api.json"
    assert "ImageBatch" in {node["class_type"] for node in json.loads(file.read_text("utf-8")).values()}
    run(served_host, file, weights, frames=2)


def test_the_templates_are_offered_to_the_page(served_address: str) -> None:
    import urllib.request

    from api_prompt import TEMPLATES

    with urllib.request.urlopen(f"{served_address}/api/workflow_templates") as answer:
        offered = json.load(answer)
    assert any({TEMPLATES[name] for name in NAMES} <= set(names) for names in offered.values())
