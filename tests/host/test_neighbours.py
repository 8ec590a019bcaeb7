"""Style and what other packs do to the same model: both are there, and the order of patching is free.

`test_composition.py` runs every neighbour on every sampler; here each effect is told apart from the style.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from golden_video import GoldenVideo
from jobs import dual_guider, noise, relative_error, run
from neighbours import attn2_keys, with_foreign_attention, with_lora, with_node
from probe import eps_single

Patch = Callable[[Any], Any]

PATCHES = ("lora", "free u", "pag", "rescale cfg", "foreign attention")
VISIBLE = 1e-3


@pytest.fixture
def patch(request: pytest.FixtureRequest, run_node: Callable) -> Patch:
    return {
        "lora": with_lora,
        "free u": with_node(run_node, "FreeU", b1=1.3, b2=1.4, s1=0.9, s2=0.2),
        "pag": with_node(run_node, "PerturbedAttentionGuidance", scale=3.0),
        "rescale cfg": with_node(run_node, "RescaleCFG", multiplier=0.7),
        "foreign attention": with_foreign_attention,
    }[request.param]


def with_style(golden: GoldenVideo) -> Patch:
    return lambda model: golden.run_node("StyleCrafterPatchModel", model=model, adapter=golden.adapter)[0]


@pytest.mark.parametrize("patch", PATCHES, indirect=True)
def test_both_effects_are_there_in_either_order(golden: GoldenVideo, patch: Patch) -> None:
    style, start = with_style(golden), noise(4)

    def video(model: Any, positive: list) -> torch.Tensor:
        return run(dual_guider(golden, model=model, positive=positive), start)

    both = video(style(patch(golden.plain)), golden.styled(0))
    without = {
        "neighbour": video(golden.model, golden.styled(0)),
        "style": video(patch(golden.plain), golden.text(0)),
    }
    for name, other in without.items():
        assert relative_error(both, other) > VISIBLE, name
    other_order = video(patch(style(golden.plain)), golden.styled(0))
    assert torch.equal(other_order, both)


def test_a_lora_changes_the_query_that_the_style_reads(golden: GoldenVideo) -> None:
    """Style and text share one query, so a LoRA on `attn2.to_q` moves the style term, too."""
    style, x, timestep = with_style(golden), golden.x(0), golden.timestep(0)
    lora = with_lora(golden.plain)

    def style_term(model: Any) -> torch.Tensor:
        styled, text = (eps_single(style(model), c, x, timestep) for c in (golden.styled(0), golden.text(0)))
        return styled - text

    assert relative_error(style_term(lora), style_term(golden.plain)) > 1e-2


def test_a_foreign_attention_keeps_its_say_at_every_site(golden: GoldenVideo) -> None:
    """It is called once per site under our style, wherever it was registered."""
    called: list[tuple] = []

    def foreign(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, extra_options: dict) -> torch.Tensor:
        called.append((*extra_options["block"], extra_options["block_index"]))
        return torch.zeros_like(q)

    def register(model: Any) -> Any:
        clone = model.clone()
        for key in attn2_keys(model):
            clone.set_model_attn2_replace(foreign, *key)
        return clone

    style = with_style(golden)
    results = []
    for model in (style(register(golden.plain)), register(style(golden.plain))):
        called.clear()
        results.append(eps_single(model, golden.styled(0), golden.x(0), golden.timestep(0)))
        assert sorted(called) == sorted(attn2_keys(golden.plain))
    assert torch.equal(*results)


def test_a_foreign_attention_for_a_whole_block(golden: GoldenVideo) -> None:
    """The host also takes a replacement without a depth; it counts where none is registered for the depth."""

    def silent(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, extra_options: dict) -> torch.Tensor:
        return torch.zeros_like(q)

    def register(model: Any, with_depth: bool) -> Any:
        clone = model.clone()
        for block, number, depth in attn2_keys(model):
            clone.set_model_attn2_replace(silent, block, number, depth if with_depth else None)
        return clone

    style, x, timestep = with_style(golden), golden.x(0), golden.timestep(0)
    whole, deep = (
        eps_single(style(register(golden.plain, with_depth)), golden.styled(0), x, timestep)
        for with_depth in (False, True)
    )
    assert torch.equal(whole, deep)
    alone = eps_single(golden.model, golden.styled(0), x, timestep)
    assert relative_error(whole, alone) > VISIBLE


def test_rescale_works_on_one_condition_for_both_scales(golden: GoldenVideo) -> None:
    """With equal scales that condition is the styled one: the host's own guidance on it."""
    rescale = with_node(golden.run_node, "RescaleCFG", multiplier=0.7)(golden.model)
    ours = run(dual_guider(golden, model=rescale, cfg_text=5.0, cfg_style=5.0), noise(4))
    (host,) = golden.run_node(
        "CFGGuider", model=rescale, positive=golden.styled(0), negative=golden.empty(0), cfg=5.0
    )
    assert relative_error(ours, run(host, noise(4))) < 1e-5
