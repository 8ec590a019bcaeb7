"""Scales outside their range: refused by the host where they are typed, by the core where they are linked."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from golden_video import GoldenVideo
from jobs import core, dual_guider, one_box
from refused import refused

STRENGTH, GUIDANCE, PART = (0.0, 5.0), (0.0, 100.0), (0.0, 1.0)
SCALES = (
    ("StyleCrafterApplyStyle", "strength", STRENGTH),
    ("StyleCrafterGuider", "cfg_text", GUIDANCE),
    ("StyleCrafterGuider", "cfg_style", GUIDANCE),
    ("StyleCrafterSampler", "cfg_text", GUIDANCE),
    ("StyleCrafterSampler", "cfg_style", GUIDANCE),
    ("StyleCrafterDualCFG", "cfg_style", GUIDANCE),
)
PARTS = (
    ("StyleCrafterApplyStyle", "start_at", PART),
    ("StyleCrafterApplyStyle", "end_at", PART),
    ("StyleCrafterGuidanceInterval", "start_at", PART),
    ("StyleCrafterGuidanceInterval", "end_at", PART),
)


def complaints(pack: Any, node_id: str, name: str, value: float) -> set[str]:
    """What the host says of one typed number before it queues the job."""
    import execution

    inputs = {}
    for socket in pack.NODE_CLASS_MAPPINGS[node_id].GET_SCHEMA().inputs:
        inputs[socket.id] = getattr(socket, "default", None) if hasattr(socket, "default") else ["1", 0]
    prompt = {
        "1": {"class_type": "StyleCrafterAdapterLoader", "inputs": {"adapter_name": "adapter.pth"}},
        "2": {"class_type": node_id, "inputs": {**inputs, name: value}},
    }
    _, errors, _ = asyncio.run(execution.validate_inputs("job", prompt, "2", {}))
    return {e["type"] for e in errors if e["extra_info"].get("input_name") == name}


@pytest.mark.usefixtures("golden")
@pytest.mark.parametrize(("node_id", "name", "allowed"), [*SCALES, *PARTS])
def test_the_host_refuses_what_is_typed(
    pack: Any, node_id: str, name: str, allowed: tuple[float, float]
) -> None:
    low, high = allowed
    assert complaints(pack, node_id, name, low - 0.5) == {"value_smaller_than_min"}
    assert complaints(pack, node_id, name, high + 0.5) == {"value_bigger_than_max"}
    assert complaints(pack, node_id, name, low) == complaints(pack, node_id, name, high) == set()


def use(golden: GoldenVideo, node_id: str, name: str, value: float) -> None:
    """Run the node with this number, as if it came through a link."""
    if node_id == "StyleCrafterApplyStyle":
        golden.styled(0, **{name: value})
    elif node_id == "StyleCrafterGuider":
        dual_guider(golden, **{name: value})
    elif node_id == "StyleCrafterSampler":
        (latent,) = golden.run_node(
            "StyleCrafterEmptyVideoLatent", width=64, height=64, frames=2, batch_size=1
        )
        one_box(golden, latent, steps=1, **{name: value})
    else:
        golden.run_node(node_id, model=golden.model, **{name: value})


@pytest.mark.parametrize(("node_id", "name", "allowed"), SCALES)
def test_the_core_refuses_what_is_linked(
    golden: GoldenVideo, node_id: str, name: str, allowed: tuple[float, float]
) -> None:
    low, high = allowed
    for value in (low - 0.5, high + 0.5, math.nan, math.inf):
        with refused(
            "InputError",
            what=f"The input `{name}` is outside its range",
            found=f"{name} {value}",
            expected=f"{low:g} ≤ {name} ≤ {high:g}",
            fix="check what is connected to it",
        ):
            use(golden, node_id, name, value)
    use(golden, node_id, name, low)
    use(golden, node_id, name, high)


def test_nodes_and_core_have_the_same_ranges(pack: Any) -> None:
    scales = core(pack, "comfy_host.scales")
    assert (scales.STRENGTHS, scales.GUIDANCE_SCALES) == (STRENGTH, GUIDANCE)
