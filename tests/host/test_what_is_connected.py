"""What a workflow should not connect: an empty adapter, a style in the negative, another latent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from golden_video import GoldenVideo
from jobs import dual_guider, noise, one_box, plain_guider, run
from refused import refused

NODES_WITH_ADAPTER = {
    "StyleCrafterPatchModel": ("model",),
    "StyleCrafterEncodeStyle": ("clip_vision", "images"),
    "StyleCrafterScaleInspector": ("clip", "prompts", "style"),
}
# Batch of videos, channels, frames, height, width.
LATENTS_OF_OTHERS = {"hunyuan": (1, 16, 3, 8, 8), "mochi": (1, 12, 2, 8, 8), "ltx": (1, 128, 2, 4, 4)}


@pytest.mark.parametrize("node", NODES_WITH_ADAPTER)
def test_an_adapter_output_without_adapter(golden: GoldenVideo, host: Any, node: str) -> None:
    """Load Video Model with adapter_name none has an adapter output all the same."""
    *_, nothing = golden.run_node(
        "StyleCrafterVideoModelLoader", ckpt_name="base.ckpt", adapter_name="none", temporal_name="none"
    )
    assert nothing is None
    with refused(
        "InputError",
        what="The input `adapter` is connected, but no adapter comes through it",
        found="adapter_name none in Load Video Model",
        expected="a style adapter",
        fix="choose a file under adapter_name there, or connect Load Style Adapter",
    ):
        golden.run_node(node, adapter=nothing, **dict.fromkeys(NODES_WITH_ADAPTER[node], None))


@pytest.mark.parametrize("kind", LATENTS_OF_OTHERS)
@pytest.mark.parametrize("content", ["zeros", "a picture"])
def test_a_latent_of_another_model(golden: GoldenVideo, kind: str, content: str) -> None:
    shape = LATENTS_OF_OTHERS[kind]
    samples = torch.zeros(shape) if content == "zeros" else torch.ones(shape)
    words = {
        "what": "The latent does not belong to this model",
        "expected": "[rows, 4, height, width], as a VideoModel has it",
        "fix": "connect an empty video latent",
    }
    with refused("MismatchError", found="a latent of shape [1, ", **words):
        one_box(golden, {"samples": samples})
    with refused("MismatchError", found=f"a latent of shape {list(shape)}", **words):
        run(dual_guider(golden), samples)


def test_a_latent_of_another_model_under_the_hosts_sampler(golden: GoldenVideo) -> None:
    with refused(
        "InputError",
        what="The latent does not belong to the video model",
        found="a latent of shape [1, 4, 3, 8, 8]",
        expected="[frames, 4, height / 8, width / 8]",
        fix="connect an empty video latent",
    ):
        run(plain_guider(golden.model, golden.text(0)), torch.zeros(1, 4, 3, 8, 8))


@pytest.mark.parametrize("sampler", ["guider", "KSampler"])
def test_a_style_in_the_negative_is_told(
    golden: GoldenVideo, run_node: Callable, caplog: pytest.LogCaptureFixture, sampler: str
) -> None:
    """Zeroing a styled prompt out keeps its style: the usual way to get one into the negative."""

    def told(negative: list) -> int:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            if sampler == "guider":
                run(dual_guider(golden, negative=negative), noise(4))
            else:
                run(plain_guider(golden.model, golden.styled(0), negative, cfg=5.0), noise(4))
        return sum("the negative prompt carries a style" in record.message for record in caplog.records)

    (zeroed,) = run_node("ConditioningZeroOut", conditioning=golden.styled(0))
    (plain,) = run_node("ConditioningZeroOut", conditioning=golden.text(0))
    (off,) = run_node("ConditioningZeroOut", conditioning=golden.styled(0, strength=0.0))
    assert (told(zeroed), told(plain), told(off)) == (1, 0, 0)


@pytest.mark.parametrize("node", ["ConditioningAverage", "ConditioningConcat"])
def test_which_style_survives_when_prompts_are_mixed(
    golden: GoldenVideo, run_node: Callable, node: str
) -> None:
    """That of conditioning_to, as the help of Apply Style says."""
    more = {"conditioning_to_strength": 0.5} if node == "ConditioningAverage" else {}
    first, second = golden.styled(0), golden.styled(1)
    (mixed,) = run_node(node, conditioning_to=first, conditioning_from=second, **more)
    (bare,) = run_node(node, conditioning_to=golden.text(0), conditioning_from=second, **more)
    assert mixed[0][1]["model_conds"] == first[0][1]["model_conds"]
    assert not bare[0][1].get("model_conds")
