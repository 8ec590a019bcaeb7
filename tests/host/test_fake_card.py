"""Recorded networks on a graphics card that is not there: devices, dtypes, waits, memory; no numbers."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import comfy.model_management
import comfy.samplers
import pytest
import torch
from fake_card.card import CARD, FakeCard
from fake_card.host import host_on
from golden_video import EXPECTED, place_files
from jobs import CFG_STYLE, CFG_TEXT, core, noise
from torch._subclasses.fake_tensor import DataDependentOutputException


@pytest.fixture
def job(host, pack):
    """Model and adapter of the recorded video, loaded on the card's host for this test alone."""
    place_files(host)
    load = core(pack, "comfy_host.load")
    card = FakeCard()
    with torch.no_grad(), host_on(card, 24):  # files are read before the card is there: their values are real
        adapter = load.HostAdapter(
            load.read_adapter(host.models("stylecrafter") / "adapter.pth"), "adapter.pth"
        )
        model, _, _ = load.load_video_model(host.models("checkpoints") / "base.ckpt", adapter, None)
        with card:
            yield SimpleNamespace(card=card, model=model, adapter=adapter, pack=pack)
            comfy.model_management.unload_all_models()


def run(job, sampler="euler"):
    conditioning = core(job.pack, "comfy_host.conditioning")
    style = job.adapter.encode(EXPECTED["clip_tokens"][0, :1].clone())
    text, empty = ([[EXPECTED[name][:1].clone(), {}]] for name in ("text", "empty"))
    styled = conditioning.apply_style(text, conditioning.StyleRequest(style, 1.0, 0.0, 1.0))
    guider = core(job.pack, "comfy_host.guider").StyleGuider(job.model, styled, empty, CFG_TEXT, CFG_STYLE)
    sampling = guider.model_patcher.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(sampling, "ddim_uniform", 2)
    start = noise(4)
    sampler = comfy.samplers.sampler_object(sampler)
    return guider.sample(start, torch.zeros_like(start), sampler, sigmas, seed=0, disable_pbar=True)


def test_the_card_refuses_what_a_card_refuses():
    with torch.no_grad(), FakeCard():
        on_card = torch.randn(2, 2, device="cuda", dtype=torch.float16)
        with pytest.raises(RuntimeError, match="device"):
            on_card @ torch.randn(2, 2, dtype=torch.float16)
        with pytest.raises(RuntimeError, match="dtype"):
            on_card @ on_card.float()
        with pytest.raises(DataDependentOutputException):
            on_card.sum().item()


def test_known_values_can_be_read_and_the_wait_is_noted():
    with torch.no_grad(), FakeCard() as card:
        sigmas = torch.tensor([3.0, 1.0]).to(CARD)
        assert card.waits == []
        assert float(sigmas[1] * 2) == 2.0
        assert [file for file, _ in card.waits] == [__file__]


def test_memory_counts_what_lives():
    with torch.no_grad(), FakeCard() as card:
        kept = torch.empty(2**20, device="cuda", dtype=torch.float16)
        view, passing = kept[1:], torch.empty(2**20, device="cuda")
        del passing
        assert view.device == CARD
        assert (card.meter.live, card.meter.peak) == (2**21, 2**21 + 2**22)


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m"])
def test_a_job_runs_on_the_card_and_the_pack_waits_for_nothing(job, sampler):
    out = run(job, sampler)
    assert out.shape == (4, 4, 8, 8)
    assert job.card.meter.cost.flops > 0
    ours = [wait for wait in job.card.waits if "stylecrafter_core" in wait[0] or "/nodes/" in wait[0]]
    assert ours == []


def test_a_style_left_on_the_processor_is_found(job, monkeypatch):
    adapter = importlib.import_module(type(job.adapter).__module__).HostAdapter
    kept = adapter.site_styles_of

    def on_the_processor(self, style, dtype):
        return tuple(
            site._replace(k=torch.zeros(site.k.shape, dtype=dtype)) for site in kept(self, style, dtype)
        )

    monkeypatch.setattr(adapter, "site_styles_of", on_the_processor)
    with pytest.raises(RuntimeError, match="device"):
        run(job)
