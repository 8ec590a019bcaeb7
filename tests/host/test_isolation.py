"""A job leaves nothing behind: not in the MODEL, not in the conditioning, not in the next job."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import torch
from comfy.patcher_extension import WrappersMP
from golden_video import GoldenVideo
from jobs import STEPS, dual_guider, noise, one_box, plain_guider, run
from probe import eps_single
from watch import watched


def weights_hash(module: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, weight in module.state_dict().items():
        digest.update(name.encode())
        digest.update(weight.numpy().tobytes())
    return digest.hexdigest()


def state_of(model: Any) -> dict[str, Any]:
    """All of a MODEL that a job might touch, in values that can be compared."""
    return {
        "options": described(model.model_options),
        "wrappers": described(model.wrappers),
        "object patches": described(model.object_patches),
        "weight patches": described(model.patches),
        "additional models": {key: [id(m) for m in v] for key, v in model.additional_models.items()},
        "forward": model.model.diffusion_model.forward.__func__,
        "hooks": sum(len(m._forward_hooks) for m in model.model.modules()),
        "weights": weights_hash(model.model),
    }


def described(value: Any) -> Any:
    """Containers by content, everything else by identity."""
    if isinstance(value, dict):
        return {str(key): described(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [described(entry) for entry in value]
    return value if isinstance(value, int | float | str | type(None)) else id(value)


@pytest.mark.parametrize("family", ["golden", "golden_sdxl"])
def test_strength_zero_is_the_unpatched_model(family: str, request: pytest.FixtureRequest) -> None:
    golden = request.getfixturevalue(family)
    x, timestep = golden.x(0), golden.timestep(0)
    expected = eps_single(golden.plain, golden.text(0), x, timestep)
    assert torch.equal(eps_single(golden.model, golden.styled(0, strength=0.0), x, timestep), expected)
    assert not torch.allclose(eps_single(golden.model, golden.styled(0), x, timestep), expected, atol=1e-3)


def test_strength_zero_under_dual_guidance(golden: GoldenVideo) -> None:
    start = noise(4)
    model, watcher = watched(golden.model)
    off = run(dual_guider(golden, model=model, positive=golden.styled(0, strength=0.0)), start)
    plain = run(dual_guider(golden, model=golden.plain, positive=golden.text(0)), start)
    assert torch.equal(off, plain)
    assert watcher.passes == 2 * STEPS


def test_two_jobs_then_the_first_again(golden: GoldenVideo) -> None:
    latent = {"samples": torch.zeros(4, 4, 8, 8)}
    first = one_box(golden, latent, positive=golden.styled(0))
    second = one_box(golden, latent, positive=golden.styled(1))
    assert not torch.allclose(first, second, atol=1e-3)
    assert torch.equal(one_box(golden, latent, positive=golden.styled(0)), first)


def test_the_same_style_object_under_another_prompt_and_strength(golden: GoldenVideo) -> None:
    """What is kept beside a style belongs to that prompt, and strength is not kept at all."""
    style, start = golden.style(0), noise(4)
    apply = {"style": style, "start_at": 0.0, "end_at": 1.0}

    def job(b: int, strength: float) -> torch.Tensor:
        (positive,) = golden.run_node(
            "StyleCrafterApplyStyle", conditioning=golden.text(b), strength=strength, **apply
        )
        return run(dual_guider(golden, positive=positive), start)

    first = job(0, 1.0)
    others = [job(1, 1.0), job(0, 0.3)]
    assert all(not torch.allclose(first, other, atol=1e-3) for other in others)
    assert torch.equal(job(0, 1.0), first)


def test_a_job_leaves_the_shared_model_as_it_was(golden: GoldenVideo) -> None:
    before = state_of(golden.model), state_of(golden.plain)
    one_box(golden, {"samples": torch.zeros(4, 4, 8, 8), "frames": 2})
    run(plain_guider(golden.model, golden.styled(1), golden.empty(1), cfg=3.0), noise(4))
    assert (state_of(golden.model), state_of(golden.plain)) == before


def test_patching_leaves_the_unpatched_model_as_it_was(golden: GoldenVideo) -> None:
    before = state_of(golden.plain)
    (patched,) = golden.run_node("StyleCrafterPatchModel", model=golden.plain, adapter=golden.adapter)
    (again,) = golden.run_node("StyleCrafterPatchModel", model=patched, adapter=golden.adapter)
    assert state_of(golden.plain) == before
    assert patched.model is golden.plain.model
    for kind in (WrappersMP.CALC_COND_BATCH, WrappersMP.DIFFUSION_MODEL):
        assert len(again.get_wrappers(kind, "stylecrafter")) == 1


def test_clones_share_the_adapter(golden: GoldenVideo) -> None:
    clone = golden.model.clone()
    for kind in (WrappersMP.CALC_COND_BATCH, WrappersMP.DIFFUSION_MODEL):
        (ours,), (theirs,) = (m.get_wrappers(kind, "stylecrafter") for m in (golden.model, clone))
        assert ours is theirs
    (binder,) = clone.get_wrappers(WrappersMP.CALC_COND_BATCH, "stylecrafter")
    assert binder.adapter is golden.adapter
    (patcher,) = clone.get_additional_models_with_key("stylecrafter")
    assert patcher.model is golden.adapter.module


def test_the_conditioning_is_not_touched(golden: GoldenVideo) -> None:
    text = [[golden.text(0)[0][0], {"pooled_output": None}]]
    (styled,) = golden.run_node(
        "StyleCrafterApplyStyle",
        conditioning=text,
        style=golden.style(0),
        strength=1.0,
        start_at=0.0,
        end_at=1.0,
    )
    assert text[0][1] == {"pooled_output": None}
    before = described(styled)
    run(dual_guider(golden, positive=styled), noise(4))
    assert described(styled) == before
    assert text[0][1] == {"pooled_output": None}
