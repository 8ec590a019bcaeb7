"""Values that no widget offers: the host refuses some of them, the nodes all others, in words."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
import torch
from golden_video import GoldenVideo
from jobs import one_box
from refused import refused

# node id, input, a value that its list does not offer
LISTS = (
    ("StyleCrafterVideoCombine", "format", "exe"),
    ("StyleCrafterSampler", "sampler_name", "no_such_sampler"),
    ("StyleCrafterSampler", "scheduler", ""),
)
LOADERS = (
    ("StyleCrafterAdapterLoader", ("adapter_name",)),
    ("StyleCrafterImageEncoderLoader", ("encoder_name",)),
    ("StyleCrafterVideoModelLoader", ("ckpt_name", "adapter_name", "temporal_name")),
)


def complaints(pack: Any, node_id: str, name: str, value: object) -> str:
    """What the host says of one input before it queues the job."""
    import execution

    linked = {"1": {"class_type": "StyleCrafterAdapterLoader", "inputs": {"adapter_name": "adapter.pth"}}}
    sockets = pack.NODE_CLASS_MAPPINGS[node_id].GET_SCHEMA().inputs
    inputs = {s.id: s.default if hasattr(s, "default") else ["1", 0] for s in sockets}
    inputs = {**inputs, "sampler_name": "euler", "format": "mp4"}
    prompt = {**linked, "2": {"class_type": node_id, "inputs": {**inputs, name: value}}}
    _, errors, _ = asyncio.run(execution.validate_inputs("job", prompt, "2", {}))
    return " ".join(e["details"] for e in errors if e["extra_info"].get("input_name") == name)


@pytest.mark.parametrize(("node_id", "name", "value"), LISTS)
def test_a_value_off_the_list_is_refused_before_the_job_runs(
    pack: Any, node_id: str, name: str, value: str
) -> None:
    assert repr(value) in complaints(pack, node_id, name, value)
    offered = next(i for i in pack.NODE_CLASS_MAPPINGS[node_id].GET_SCHEMA().inputs if i.id == name).options
    assert not complaints(pack, node_id, name, offered[-1])


@pytest.mark.usefixtures("pack")
def test_a_format_that_comes_through_a_link_is_refused(run_node: Any) -> None:
    settings = {"frame_rate": 8.0, "loop_count": 0, "filename_prefix": "x", "pingpong": False}
    with refused("InputError", what="`format`", found="'exe'", expected="mp4", fix="list"):
        run_node(
            "StyleCrafterVideoCombine",
            images=torch.zeros(1, 8, 8, 3),
            format="exe",
            save_output=False,
            crf=19,
            save_metadata=False,
            **settings,
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scheduler", ""),
        ("sampler_name", None),
        ("denoise", math.nan),
        ("denoise", 0.0),
        ("steps", 0),
    ],
)
def test_the_sampler_refuses_what_comes_through_a_link(golden: GoldenVideo, name: str, value: object) -> None:
    with refused("InputError", what=name, found=str(value), expected="", fix=name):
        one_box(golden, {"samples": torch.zeros(2, 4, 8, 8)}, **{name: value})


@pytest.mark.usefixtures("pack")
@pytest.mark.parametrize("eta", [math.nan, -0.5, 2.0])
def test_ddim_refuses_what_comes_through_a_link(run_node: Any, eta: float) -> None:
    with refused("InputError", what="eta", found=str(eta), expected="0 ≤ eta ≤ 1", fix="eta"):
        run_node("StyleCrafterDDIM", eta=eta)


@pytest.mark.usefixtures("pack")
@pytest.mark.parametrize("name", ["width", "height", "frames", "batch_size"])
def test_an_empty_video_has_a_size(run_node: Any, name: str) -> None:
    sizes = {"width": 64, "height": 64, "frames": 2, "batch_size": 1, name: 0}
    with refused("InputError", what=name, found=f"{name} 0", expected="or more", fix=name):
        run_node("StyleCrafterEmptyVideoLatent", **sizes)


@pytest.mark.usefixtures("pack")
@pytest.mark.parametrize(("node_id", "names"), LOADERS)
def test_a_loader_without_a_file_says_so(run_node: Any, node_id: str, names: tuple[str, ...]) -> None:
    with refused("WeightFileError", what=f"{names[0]}: no file", found=" in ", expected="name", fix="file"):
        run_node(node_id, **dict.fromkeys(names))
