"""A batch of prompts, each in a style of its own, is what its members are one by one."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import comfy.sample
import pytest
import torch

PROMPTS = ("a house by a river", "a red fox")
FRAMES = 2


@pytest.fixture(scope="module")
def styled(core, tiny_materials):
    """The base, an adapter with an effect, and the tokens of two references."""
    base = core("training.host.frozen_base").load_base(
        tiny_materials / "base.safetensors", None, tiny_materials / "image_encoder.safetensors", "float32"
    )
    new, formats = core("training.host.new_adapter"), core("formats")
    spec = new.spec_for(base.unet, "unet", clip_width=base.clip_width, num_queries=4, depth=1, scale_width=64)
    tensors = new.create_tensors(spec, base.unet, seed=0)
    tensors |= {name: torch.ones_like(t) for name, t in tensors.items() if name.endswith("norm.weight")}
    file = formats.AdapterFile(spec, tensors, formats.KeyReport(tuple(tensors)))
    random = torch.Generator().manual_seed(0)
    references = [torch.randn(1, 5, base.clip_width, generator=random) for _ in PROMPTS]
    return SimpleNamespace(
        base=base, adapter=core("comfy_host.adapter").HostAdapter(file, "test"), references=references
    )


@pytest.fixture
def sampling(core, monkeypatch):
    """The module, with noise that belongs to a row wherever it stands: `sampling.first` is the first row."""
    module = core("training.host.styled_sampling")
    noise = torch.randn(len(PROMPTS) * FRAMES, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    shown = SimpleNamespace(module=module, first=0)

    def of_rows(latent, *_):
        return noise[shown.first : shown.first + len(latent)].clone()

    monkeypatch.setattr(comfy.sample, "prepare_noise", of_rows)
    return shown


def settings_of(sampling, frames):
    return sampling.module.SamplingSettings(
        width=64,
        height=64,
        num_frames=frames,
        steps=2,
        strength=1.0,
        cfg_text=5.0,
        cfg_style=3.0,
        seed=0,
        sampler_name="ddim",  # no fresh noise
    )


@pytest.mark.parametrize("frames", [1, FRAMES])
@pytest.mark.parametrize("way", ["style", "attached"])
def test_each_row_has_its_own_prompt_and_style(styled, sampling, way, frames):
    adapter = styled.adapter if way == "style" else styled.adapter.module
    draw = getattr(sampling.module, f"sample_{way}")
    settings = settings_of(sampling, frames)
    together = draw(styled.base, adapter, styled.references, PROMPTS, settings)
    assert together.shape == (2, frames, 64, 64, 3)
    for row in range(2):
        sampling.first = row * frames
        own, other = styled.references[row], styled.references[1 - row]
        alone = draw(styled.base, adapter, [own], [PROMPTS[row]], settings)[0]
        torch.testing.assert_close(together[row], alone, atol=2e-5, rtol=0)
        swapped = draw(styled.base, adapter, [other], [PROMPTS[row]], settings)[0]
        assert (swapped - alone).abs().max() > 3e-4


def test_the_sampler_is_the_one_that_is_named(styled, sampling, core):
    def drawn(name):
        settings = dataclasses.replace(settings_of(sampling, 1), sampler_name=name)
        return sampling.module.sample_style(styled.base, styled.adapter, styled.references, PROMPTS, settings)

    assert (drawn("euler") - drawn("stylecrafter_ddim")).abs().max() > 1e-3
    with pytest.raises(core("errors").InputError, match="`sampler_name` names nothing") as caught:
        drawn("eular")
    assert caught.value.found == "'eular'"
    assert "euler," in caught.value.expected


def test_prompts_of_different_length_are_refused(styled, sampling, core):
    long = "a house " * 60
    with pytest.raises(core("errors").InputError, match="same number of tokens"):
        sampling.module.sample_style(
            styled.base, styled.adapter, styled.references, ["a fox", long], settings_of(sampling, 1)
        )
