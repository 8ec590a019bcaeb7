"""The adapter's gradient through the host's graph, against a plain formula and finite differences."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import comfy.model_management
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEAD_DIM = 16


@pytest.fixture(scope="module")
def built(core: Callable[[str], Any], lab: Callable[[str], Any]) -> SimpleNamespace:
    """A tiny video U-Net, an adapter that has an effect, and inputs, all in float64."""
    networks, generator = lab("materials.networks"), core("training.randomness").generator
    spec = networks.unet_spec(32, HEAD_DIM)
    unet = core("comfy_host.model").build_model(spec, torch.float64, None, "cpu").diffusion_model
    unet.load_state_dict(networks.unet_tensors(spec, generator(0, "U-Net")))
    unet.double().requires_grad_(False)
    for module in unet.modules():
        if hasattr(module, "attn_precision"):
            module.attn_precision = None  # the host's float32 there is less than float64, not more
    new = core("training.host.new_adapter")
    adapter_spec = new.spec_for(
        unet, "video", clip_width=32, num_queries=4, depth=1, scale_width=32, scale_depth=1
    )
    adapter = core("adapter").StyleAdapter(adapter_spec).double()
    adapter.load_state_dict(new.create_tensors(adapter_spec, unet, seed=0))
    with torch.no_grad():
        for weight in adapter.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator(1), dtype=torch.float64))
    return SimpleNamespace(
        unet=unet, adapter=adapter, sites=core("comfy_host.networks").sites_for(adapter_spec, unet)
    )


def inputs_of(core: Callable[[str], Any], num_frames: int, independent: bool = False) -> Any:
    random = torch.Generator().manual_seed(5)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    return core("training.host.styled_unet").Inputs(
        noisy=normal(2 * num_frames, 4, 4, 4),
        timesteps=torch.tensor([10.0, 700.0]),
        text=normal(2, 7, 64),
        clip_tokens=normal(2, 5, 32),
        keeps_style=torch.tensor([1.0, 1.0], dtype=torch.float64),
        adm=None,
        num_frames=num_frames,
        independent=independent,
    )


def predict(core: Callable[[str], Any], built: SimpleNamespace, inputs: Any) -> Tensor:
    module = core("training.host.styled_unet")
    model = module.StyledUNet(built.unet, built.adapter, built.sites, module.dual_attention)
    return model(inputs)


def plain_formula(core: Callable[[str], Any], built: SimpleNamespace, inputs: Any) -> Tensor:
    """The method written into the attention modules themselves: no patches, no wrappers of the pack."""
    adapter = built.adapter
    tokens = adapter.style_transformer(inputs.clip_tokens)
    gains = 1 + adapter.scale_predictor(tokens, inputs.text)
    frames = inputs.num_frames
    tokens, gains = tokens.repeat_interleave(frames, 0), gains.repeat_interleave(frames, 0)
    attentions = core("comfy_host.networks").text_attentions(built.unet)

    def heads(x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, HEAD_DIM)).transpose(1, 2)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        weights = (heads(q) @ heads(k).transpose(-1, -2) * HEAD_DIM**-0.5).softmax(-1)
        return (weights @ heads(v)).transpose(1, 2).flatten(2)

    def styled(attention: nn.Module, index: int) -> Callable[..., Tensor]:
        kv = adapter.style_kv[index]

        def forward(x: Tensor, context: Tensor, **_: Any) -> Tensor:
            q = attention.to_q(x)
            text = attend(q, attention.to_k(context), attention.to_v(context))
            style = attend(q, tokens @ kv.to_k.weight.T, tokens @ kv.to_v.weight.T)
            normed = F.layer_norm(style, style.shape[-1:], kv.norm.weight, kv.norm.bias)
            return attention.to_out(text + gains[:, index, None, None] * normed)

        return forward

    with pytest.MonkeyPatch.context() as patch:
        for index, site in enumerate(built.sites):
            patch.setattr(attentions[site], "forward", styled(attentions[site], index))
        return built.unet(
            inputs.noisy,
            inputs.timesteps.repeat_interleave(frames),
            context=inputs.text.repeat_interleave(frames, 0),
            transformer_options={"stylecrafter_num_frames": frames},
        )


def gradients(built: SimpleNamespace, prediction: Tensor) -> dict[str, Tensor]:
    target = torch.randn(prediction.shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    named = dict(built.adapter.named_parameters())
    found = torch.autograd.grad(F.mse_loss(prediction, target), list(named.values()))
    return dict(zip(named, found, strict=True))


@pytest.mark.parametrize("num_frames", [1, 3])
def test_gradient_equals_that_of_the_plain_formula(core, built, num_frames: int) -> None:
    inputs = inputs_of(core, num_frames)
    ours, plain = predict(core, built, inputs), plain_formula(core, built, inputs)
    assert (ours - plain).abs().max() < 1e-9 * plain.abs().max()
    expected = gradients(built, plain)
    for name, gradient in gradients(built, ours).items():
        assert gradient.abs().max() > 0, name
        assert (gradient - expected[name]).abs().max() <= 1e-8 * expected[name].abs().max(), name


def test_gradient_equals_finite_differences(core, built) -> None:
    inputs = inputs_of(core, num_frames=3)
    target = torch.randn((6, 4, 4, 4), generator=torch.Generator().manual_seed(9), dtype=torch.float64)

    def loss() -> Tensor:
        return F.mse_loss(predict(core, built, inputs), target)

    found = gradients(built, predict(core, built, inputs))
    for name, weight in built.adapter.named_parameters():
        direction = torch.randn(
            weight.shape, generator=torch.Generator().manual_seed(len(name)), dtype=torch.float64
        )
        step = 1e-5
        with torch.no_grad():
            weight.add_(step * direction)
            above = loss()
            weight.sub_(2 * step * direction)
            below = loss()
            weight.add_(step * direction)
        numeric = (above - below) / (2 * step)
        analytic = (found[name] * direction).sum()
        assert abs(numeric - analytic) <= 1e-5 * abs(analytic) + 1e-9, name


def test_recomputed_activations_change_no_gradient(core, built) -> None:
    inputs = inputs_of(core, num_frames=3)
    expected = gradients(built, predict(core, built, inputs))
    forwards = {module: module.__dict__.get("forward") for module in built.unet.modules()}
    core("training.host.gradient_checkpointing").recompute_activations(built.unet)
    try:
        found = gradients(built, predict(core, built, inputs))
    finally:
        for module, forward in forwards.items():
            if forward is None and "forward" in module.__dict__:
                del module.forward
    for name, gradient in found.items():
        assert torch.equal(gradient, expected[name]), name


def test_independent_pictures_do_not_see_each_other(core, built) -> None:
    """Second stage: a picture's prediction depends neither on the others nor on positions."""
    inputs = inputs_of(core, num_frames=1, independent=True)
    both = predict(core, built, inputs)
    positions = [table for name, table in built.unet.named_parameters() if "relative_position" in name]
    with torch.no_grad():
        for table in positions:
            table.add_(1.0)
        moved = predict(core, built, inputs)
        for table in positions:
            table.sub_(1.0)
        inputs.noisy[1] += 1.0
        changed = predict(core, built, inputs)
    assert positions
    assert torch.equal(moved, both)
    assert torch.allclose(changed[0], both[0], atol=1e-12)
    assert not torch.allclose(changed[1], both[1], atol=1e-3)


def test_the_host_knows_that_gradients_are_wanted(
    core: Callable[[str], Any], built: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newer hosts turn Wan's positions by a kernel that gives none, unless they know."""
    monkeypatch.setattr(comfy.model_management, "in_training", False, raising=False)
    predict(core, built, inputs_of(core, 1))
    assert comfy.model_management.in_training
