"""A styled pass never waits for the device: nothing that the style adds reads a value back.

Two proofs that need no graphics card. On torch's meta device tensors have no values, so whatever reads one
(`.item()`, `.cpu()`, `nonzero`, a Python `if`) raises. And a watcher of every operation counts the reads of
whole steps, host included: a styled step has as many as the same step of the unpatched model.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import comfy.ldm.modules.attention
import pytest
import torch
from comfy.patcher_extension import WrappersMP
from golden_video import GoldenVideo
from jobs import STEPS, core, noise, plain_guider, run
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

READS = frozenset({"_local_scalar_dense", "item", "is_nonzero", "nonzero", "masked_select", "equal"})


@pytest.fixture(params=["video", "sdxl"])
def family(request: pytest.FixtureRequest, golden: Any, golden_sdxl: Any) -> Any:
    return golden if request.param == "video" else golden_sdxl


class ReadsOfValues(TorchDispatchMode):
    """Counts the operations after which the processor must wait for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        if name in READS:
            self.counts[name] += 1
        return func(*args, **(kwargs or {}))


class ReadsPerCall:
    """A wrapper: the reads of values in each call of what it wraps."""

    def __init__(self) -> None:
        self.calls: list[Counter[str]] = []

    def __deepcopy__(self, memo: dict) -> ReadsPerCall:
        return self

    def __call__(self, executor: Callable, *args: Any, **kwargs: Any) -> Any:
        with ReadsOfValues() as reads:
            out = executor(*args, **kwargs)
        self.calls.append(reads.counts)
        return out


def reads_of_job(kind: str, family: Any, positive: list, *, patched: bool) -> list[Counter[str]]:
    """Reads of values in every step of a short job with one pass a step, outside of all our wrappers."""
    watcher, model = ReadsPerCall(), family.plain.clone()
    model.add_wrapper_with_key(kind, "watcher", watcher)
    if patched:
        (model,) = family.run_node("StyleCrafterPatchModel", model=model, adapter=family.adapter)
    height, width = family.x(0).shape[-2:]
    run(plain_guider(model, positive), noise(2, height, width))
    assert len(watcher.calls) == STEPS
    return watcher.calls


@pytest.mark.parametrize("kind", [WrappersMP.CALC_COND_BATCH, WrappersMP.DIFFUSION_MODEL])
def test_a_styled_step_reads_no_value_more_than_a_plain_one(family: Any, kind: str) -> None:
    """CALC_COND_BATCH is the whole step with the binder; DIFFUSION_MODEL the network with the injector."""
    plain = reads_of_job(kind, family, family.text(0), patched=False)
    assert reads_of_job(kind, family, family.styled(0), patched=True) == plain


def test_a_range_is_looked_up_before_the_network_and_nowhere_else(golden: GoldenVideo) -> None:
    """Where a style begins or ends on the way, sigma must be read; seeing that proves the watcher, too."""
    extra = {}
    for kind in (WrappersMP.CALC_COND_BATCH, WrappersMP.DIFFUSION_MODEL):
        plain = reads_of_job(kind, golden, golden.text(0), patched=False)
        ranged = reads_of_job(kind, golden, golden.styled(0, end_at=0.999), patched=True)
        extra[kind] = [(step - base).total() for step, base in zip(ranged, plain, strict=True)]
    assert all(reads > 0 for reads in extra[WrappersMP.CALC_COND_BATCH])
    assert extra[WrappersMP.DIFFUSION_MODEL] == [0] * STEPS


def styled_call_on_meta(family: Any, pack: Any, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Tensor:
    """One call of the diffusion model through the style's injector, on tensors without values."""
    # The host's choice for the CPU asks how much memory is free, which the meta device cannot say.
    attention = comfy.ldm.modules.attention.attention_pytorch
    patch = core(pack, "comfy_host.patch")
    for module in (comfy.ldm.modules.attention, core(pack, "comfy_host.networks")):
        monkeypatch.setattr(module, "optimized_attention", attention)
    unet, adapter = (
        copy.deepcopy(m).to("meta") for m in (family.plain.model.diffusion_model, family.adapter.module)
    )
    text = family.text(0)[0][0].to("meta")
    tokens = family.style(0).tokens.to("meta")
    gains = adapter.layer_gains(tokens, text)
    conditioning = core(pack, "comfy_host.conditioning")
    ready = core(pack, "adapter").ReadyStyle.of(adapter.site_styles(tokens), gains)
    rows = 2
    batch = conditioning.StyleBatch(((rows, ready),))
    x = torch.empty(rows, *family.x(0).shape[1:], device="meta")
    sites = core(pack, "comfy_host.networks").sites_for(family.adapter.spec, unet)
    injector = patch.StyleInjector(core(pack, "comfy_host.networks").injection_for(unet, sites))
    adm = family.plain.model.adm_channels
    y = torch.empty(rows, adm, device="meta") if adm else None
    timesteps = torch.empty(rows, device="meta")
    with torch.inference_mode():
        return injector(
            unet, x, timesteps, text.expand(rows, -1, -1), y, None, options, stylecrafter_style=batch
        )


def test_a_styled_pass_needs_no_value(family: Any, pack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    out = styled_call_on_meta(family, pack, monkeypatch)
    assert out.device.type == "meta"
    assert out.shape[1:] == family.x(0).shape[1:]


@pytest.mark.parametrize(
    "read",
    [
        lambda t: t.max().item(),
        lambda t: t.cpu(),
        lambda t: bool(t.max() > 0),
        lambda t: t.flatten().tolist(),
    ],
    ids=["item", "cpu", "if", "tolist"],
)
def test_one_read_in_one_attention_would_be_seen(
    golden: GoldenVideo, pack: Any, monkeypatch: pytest.MonkeyPatch, read: Callable
) -> None:
    networks = core(pack, "comfy_host.networks")
    add_style = networks.add_style

    def reading(text: Tensor, *args: Any) -> Tensor:
        read(text)
        return add_style(text, *args)

    monkeypatch.setattr(networks, "add_style", reading)
    with pytest.raises((RuntimeError, NotImplementedError), match=r"meta|Meta"):
        styled_call_on_meta(golden, pack, monkeypatch)
