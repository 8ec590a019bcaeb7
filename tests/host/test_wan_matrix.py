"""Styles on the host's Wan beside what artists put on a model, with both kinds of adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any
from unittest import mock

import comfy.model_management
import comfy.ops
import comfy.samplers
import pytest
import torch
from comfy.ldm.wan.model import VaceWanModel, WanModel
from comfy.ops import manual_cast
from comfy_api.torch_helpers import set_torch_compile_wrapper
from golden_wan import EXPECTED, GUIDANCE, GoldenWan, velocity
from jobs import core, plain_guider
from safetensors.torch import save_file
from sdxl_files import vision_tower
from torch import Tensor

Change = Callable[[Any], Any]
SITES = 3


@pytest.fixture(scope="module")
def own(golden_wan: GoldenWan, pack: ModuleType) -> GoldenWan:
    """A new adapter of StyleCrafter's own build, with gains as if it were trained."""
    return with_new_adapter(golden_wan, pack, gain=0.7)


def with_new_adapter(golden: GoldenWan, pack: ModuleType, gain: float) -> GoldenWan:
    new = core(pack, "training.host.new_adapter")
    network = golden.plain.model.diffusion_model
    spec = new.spec_for(network, "wan", clip_width=32, num_queries=4, depth=1, scale_width=16, scale_depth=1)
    tensors = new.create_tensors(spec, network, seed=5)
    assert not tensors["site_gains.weight"].any()
    tensors["site_gains.weight"] += gain
    report = core(pack, "formats").compare({}, {})
    file = core(pack, "formats").AdapterFile(spec, tensors, report)
    adapter = core(pack, "comfy_host.adapter").HostAdapter(file, "new.safetensors")
    [model] = golden.run_node("StyleCrafterPatchModel", model=golden.plain, adapter=adapter)
    return OwnWan(model, golden.plain, adapter, golden.run_node)


class OwnWan(GoldenWan):
    def style(self, b: int = 0) -> Any:
        tokens = torch.randn(1, 7, 32, generator=torch.Generator().manual_seed(b))
        with torch.inference_mode():
            return self.adapter.encode(tokens)


@pytest.fixture(params=["stylemaster", "own"])
def wan(request: pytest.FixtureRequest, golden_wan: GoldenWan, own: GoldenWan) -> GoldenWan:
    return {"stylemaster": golden_wan, "own": own}[request.param]


@pytest.fixture
def put_back() -> Iterator[None]:
    """The host leaves an exchanged method in a network until its model is unloaded."""
    yield
    comfy.model_management.unload_all_models()


@pytest.fixture
def traced_anew() -> Iterator[None]:
    """What torch.compile has traced in other tests is forgotten, and what this one traces, too."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.fixture
def hits(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of the site, for every styled attention that runs."""
    networks = core(pack, "comfy_host.networks")
    add_style, seen = networks.add_style, []

    def counted(text: Tensor, q: Tensor, styles: Any, index: int, heads: int) -> Tensor:
        seen.append(index)
        return add_style(text, q, styles, index, heads)

    monkeypatch.setattr(networks, "add_style", counted)
    return seen


def styled(wan: GoldenWan, change: Change = lambda model: model, **more: Any) -> Tensor:
    """The velocity of the styled pass on a changed model; text and video tokens are equally many here."""
    return velocity(plain_guider(change(wan.model), wan.styled(**more)), wan.x(), wan.sigma())


def unpatched(wan: GoldenWan, change: Change = lambda model: model) -> Tensor:
    return velocity(plain_guider(change(wan.plain), wan.text()), wan.x(), wan.sigma())


def test_each_site_once(wan: GoldenWan, hits: list[int]) -> None:
    styled(wan)
    assert hits == list(range(SITES))


def test_a_new_adapter_changes_nothing(golden_wan: GoldenWan, pack: ModuleType) -> None:
    assert torch.equal(styled(with_new_adapter(golden_wan, pack, gain=0.0)), unpatched(golden_wan))


def test_without_style_the_host_is_untouched(own: GoldenWan) -> None:
    assert not torch.allclose(styled(own), unpatched(own), atol=1e-3)
    assert torch.equal(styled(own, strength=0.0), unpatched(own))
    assert torch.equal(velocity(plain_guider(own.model, own.text()), own.x(), own.sigma()), unpatched(own))


def with_override(model: Any) -> Any:
    """As attention packs do it: by assignment."""
    clone = model.clone()

    def half(func: Callable, q: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return 0.5 * func(q, *args, **kwargs)

    clone.model_options["transformer_options"]["optimized_attention_override"] = half
    return clone


def with_block_patch(model: Any) -> Any:
    clone = model.clone()

    def doubled(args: dict, extra: dict) -> dict:
        return {"img": 2 * extra["original_block"](args)["img"]}

    clone.set_model_patch_replace(doubled, "dit", "double_block", 1)
    return clone


def with_lora(model: Any) -> Any:
    clone = model.clone()
    name = "diffusion_model.blocks.0.cross_attn.q.weight"
    weight = model.model.state_dict()[name]
    noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    clone.add_patches({name: (noise,)}, 0.5)
    return clone


@pytest.mark.parametrize("change", [with_override, with_block_patch, with_lora])
def test_neighbours_keep_their_effect(wan: GoldenWan, hits: list[int], change: Change) -> None:
    """The change does the same whether it comes before or behind the adapter, and the style stays."""
    [patched_last] = wan.run_node("StyleCrafterPatchModel", model=change(wan.plain), adapter=wan.adapter)
    first = styled(wan, change)
    last = velocity(plain_guider(patched_last, wan.styled()), wan.x(), wan.sigma())
    torch.testing.assert_close(first, last, atol=1e-6, rtol=0)
    assert hits == 2 * list(range(SITES))
    assert not torch.allclose(first, styled(wan), atol=1e-3)
    assert not torch.allclose(first, unpatched(wan, change), atol=1e-3)


def test_a_skipped_block_is_no_fault(wan: GoldenWan, hits: list[int]) -> None:
    def skip(model: Any) -> Any:
        clone = model.clone()
        clone.set_model_patch_replace(lambda args, extra: {"img": args["img"]}, "dit", "double_block", 1)
        return clone

    styled(wan, skip)
    assert hits == [0, 2]


@pytest.mark.usefixtures("put_back")
def test_attention_that_is_called_more_often_is_refused(wan: GoldenWan, pack: ModuleType) -> None:
    """As normalised attention guidance does it: the cross-attention's forward is replaced."""
    attention = wan.model.model.diffusion_model.blocks[1].cross_attn
    forward = type(attention).forward.__get__(attention)

    def twice(x: Tensor, context: Tensor, **kwargs: Any) -> Tensor:
        return (forward(x, context, **kwargs) + forward(x, context, **kwargs)) / 2

    clone = wan.model.clone()
    clone.add_object_patch("diffusion_model.blocks.1.cross_attn.forward", twice)
    with pytest.raises(Exception, match="block 1 of the model") as caught:
        velocity(plain_guider(clone, wan.styled()), wan.x(), wan.sigma())
    assert "3 calls of attention" in str(caught.value)


@pytest.mark.parametrize("shape", [(1, 1, 6, 10), (1, 5, 4, 6), (1, 21, 2, 2), (2, 3, 5, 7)])
def test_sizes(wan: GoldenWan, hits: list[int], shape: tuple[int, ...]) -> None:
    """1, 5 and 21 frames, two videos, odd sides: each video is what it is alone."""
    rows, frames, height, width = shape
    x = torch.randn(rows, 16, frames, height, width, generator=torch.Generator().manual_seed(1))
    guider = plain_guider(wan.model, wan.styled())
    together = velocity(guider, x, 0.5)
    assert hits == list(range(SITES))
    alone = torch.cat([velocity(guider, one[None], 0.5) for one in x])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_two_prompts_in_one_conditioning(golden_wan: GoldenWan) -> None:
    """Style tokens that read the prompt are each row's own."""
    settings = {"strength": 1.0, "start_at": 0.0, "end_at": 1.0, "style": golden_wan.style(0)}
    both = golden_wan.run_node("StyleCrafterApplyStyle", conditioning=[[EXPECTED["text"], {}]], **settings)[0]
    x = golden_wan.x().expand(2, -1, -1, -1, -1)
    found = velocity(plain_guider(golden_wan.model, both), x, golden_wan.sigma())
    torch.testing.assert_close(found[:1], EXPECTED["v_text_style"][:1], atol=1e-5, rtol=0)
    assert not torch.allclose(found[0], found[1], atol=1e-3)


def test_three_conditions_in_one_call_and_apart(
    wan: GoldenWan, hits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = {"positive": wan.styled(), "negative": wan.empty(), **GUIDANCE}
    [guider] = wan.run_node("StyleCrafterGuider", model=wan.model, **inputs)
    together = velocity(guider, wan.x(), wan.sigma())
    assert hits == list(range(SITES))
    monkeypatch.setattr(comfy.samplers, "can_concat_cond", lambda first, second: first is second)
    apart = velocity(guider, wan.x(), wan.sigma())
    assert hits == 4 * list(range(SITES))
    torch.testing.assert_close(apart, together, atol=1e-4, rtol=1e-5)


def test_prompts_without_style_share_the_null_style(golden_wan: GoldenWan, pack: ModuleType) -> None:
    """The rows of two prompts in one call are one run, which nothing has to be put together from."""
    networks = core(pack, "comfy_host.networks")
    inputs = {"positive": golden_wan.text(), "negative": golden_wan.empty(), **GUIDANCE}
    [guider] = golden_wan.run_node("StyleCrafterGuider", model=golden_wan.model, **inputs)
    with mock.patch.object(networks, "add_style", wraps=networks.add_style) as added:
        velocity(guider, golden_wan.x(), golden_wan.sigma())
    assert [[rows for rows, _ in call.args[2]] for call in added.call_args_list] == SITES * [[2]]


def test_context_windows(wan: GoldenWan, hits: list[int]) -> None:
    """Windows over the frames (dimension 2): every window is styled."""
    [windowed] = wan.run_node(
        "WanContextWindowsManual",
        model=wan.model,
        context_length=9,
        context_overlap=4,
        context_schedule="standard_static",
        context_stride=1,
        closed_loop=False,
        fuse_method="pyramid",
    )
    x = torch.randn(1, 16, 5, 4, 6, generator=torch.Generator().manual_seed(2))
    whole = velocity(plain_guider(wan.model, wan.styled()), x, 0.5)
    hits.clear()
    found = velocity(plain_guider(windowed, wan.styled()), x, 0.5)
    assert len(hits) > SITES
    assert found.shape == whole.shape
    assert not torch.allclose(found, velocity(plain_guider(windowed, wan.text()), x, 0.5), atol=1e-3)


def test_a_step_cache(wan: GoldenWan, hits: list[int]) -> None:
    [cached] = wan.run_node(
        "EasyCache",
        model=wan.model,
        reuse_threshold=0.2,
        start_percent=0.15,
        end_percent=0.95,
        verbose=False,
    )
    styled(wan, lambda _: cached)
    assert hits == list(range(SITES))


@pytest.mark.parametrize("node", ["KSampler", "KSamplerAdvanced", "StyleCrafterSampler"])
def test_samplers(wan: GoldenWan, hits: list[int], node: str) -> None:
    """At scale 1 one pass a step; with guidance our sampler's three conditions in every step."""
    steps, zeros = 2, torch.zeros(1, 16, 2, 4, 4)
    common = {
        "model": wan.model,
        "positive": wan.styled(),
        "negative": wan.empty(),
        "latent_image": {"samples": zeros},
        "steps": steps,
        "sampler_name": "euler",
        "scheduler": "simple",
    }
    advanced = {
        "noise_seed": 1,
        "cfg": 1.0,
        "add_noise": "enable",
        "start_at_step": 0,
        "end_at_step": steps,
        "return_with_leftover_noise": "disable",
    }
    more = {
        "KSampler": {"seed": 1, "cfg": 1.0, "denoise": 1.0},
        "KSamplerAdvanced": advanced,
        "StyleCrafterSampler": {"seed": 1, "denoise": 1.0, **GUIDANCE},
    }
    [latent] = wan.run_node(node, **common, **more[node])
    assert bool(latent["samples"].any())
    if node != "StyleCrafterSampler":
        assert hits == steps * list(range(SITES))
    assert len(hits) >= steps * SITES


def test_the_released_ddim_is_refused(wan: GoldenWan) -> None:
    with pytest.raises(Exception, match="flow matching") as caught:
        wan.run_node(
            "StyleCrafterSampler",
            **{"model": wan.model, "positive": wan.styled(), "negative": wan.empty(), **GUIDANCE},
            **{"seed": 1, "steps": 2, "sampler_name": "stylecrafter_ddim", "scheduler": "simple"},
            **{"denoise": 1.0, "latent_image": {"samples": torch.zeros(1, 16, 2, 4, 4)}},
        )
    assert "euler" in str(caught.value)


def test_the_custom_sampler_with_our_guider(wan: GoldenWan) -> None:
    """The same latent as our own sampler's."""
    inputs = {"model": wan.model, "positive": wan.styled(), "negative": wan.empty(), **GUIDANCE}
    latent = {"samples": torch.zeros(1, 16, 2, 4, 4)}
    [expected] = wan.run_node(
        "StyleCrafterSampler",
        **inputs,
        **{"seed": 1, "steps": 2, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0},
        latent_image=latent,
    )
    [sigmas] = wan.run_node("BasicScheduler", model=wan.model, scheduler="simple", steps=2, denoise=1.0)
    found, _ = wan.run_node(
        "SamplerCustomAdvanced",
        noise=wan.run_node("RandomNoise", noise_seed=1)[0],
        guider=wan.run_node("StyleCrafterGuider", **inputs)[0],
        sampler=wan.run_node("KSamplerSelect", sampler_name="euler")[0],
        sigmas=sigmas,
        latent_image=latent,
    )
    torch.testing.assert_close(found["samples"], expected["samples"], atol=1e-6, rtol=0)


def test_a_compiled_model(wan: GoldenWan) -> None:
    """torch.compile as the host does it, of one block; the backend "eager" runs what was traced."""

    def compiled(model: Any) -> Any:
        clone = model.clone()
        set_torch_compile_wrapper(model=clone, backend="eager", keys=["diffusion_model.blocks.1"])
        return clone

    torch.testing.assert_close(styled(wan, compiled), styled(wan), atol=1e-5, rtol=0)


@pytest.mark.usefixtures("traced_anew")
def test_a_wholly_compiled_model(wan: GoldenWan, hits: list[int]) -> None:
    """The host's node, over the whole network and what is composed for its call."""
    [compiled] = wan.run_node("TorchCompileModel", model=wan.model, backend="eager")
    found = styled(wan, lambda _: compiled)
    assert hits == list(range(SITES))
    torch.testing.assert_close(found, styled(wan), atol=1e-5, rtol=0)
    text = velocity(plain_guider(compiled, wan.text()), wan.x(), wan.sigma())
    expected = velocity(plain_guider(wan.model, wan.text()), wan.x(), wan.sigma())
    torch.testing.assert_close(text, expected, atol=1e-5, rtol=0)


def test_a_cache_inside_the_network(wan: GoldenWan, hits: list[int]) -> None:
    """As TeaCache does it: the blocks run inside a replaced forward, which leaves out every second call."""
    network, kept = wan.model.model.diffusion_model, []
    forward = network.forward_orig

    def every_second(*args: Any, **kwargs: Any) -> Tensor:
        if kept:
            return kept.pop()
        kept.append(forward(*args, **kwargs))
        return kept[0]

    def wrapper(apply_model: Callable, args: dict) -> Tensor:
        with mock.patch.object(network, "forward_orig", every_second):
            return apply_model(args["input"], args["timestep"], **args["c"])

    model = wan.model.clone()
    model.set_model_unet_function_wrapper(wrapper)
    styled(wan, lambda _: model)
    whole = hits.copy()
    styled(wan, lambda _: model)
    assert whole == hits == list(range(SITES))


@pytest.mark.usefixtures("put_back")
def test_attention_that_splits_its_rows_is_refused(wan: GoldenWan) -> None:
    """Each row's prompt attended to by itself: with guidance there are several rows in a call."""
    attention = wan.model.model.diffusion_model.blocks[0].cross_attn
    forward = type(attention).forward.__get__(attention)

    def apart(x: Tensor, context: Tensor, **kwargs: Any) -> Tensor:
        return torch.cat([forward(q, c, **kwargs) for q, c in zip(x.split(1), context.split(1), strict=True)])

    clone = wan.model.clone()
    clone.add_object_patch("diffusion_model.blocks.0.cross_attn.forward", apart)
    inputs = {"positive": wan.styled(), "negative": wan.empty(), **GUIDANCE}
    [guider] = wan.run_node("StyleCrafterGuider", model=clone, **inputs)
    with pytest.raises(Exception, match="block 0 of the model") as caught:
        velocity(guider, wan.x(), wan.sigma())
    assert "1 rows in one block" in str(caught.value)


def test_image_encoders_that_do_not_fit(golden_wan: GoldenWan, host: Any) -> None:
    """Tokens of another width, and a tower without the projection that the published adapter reads."""
    for name, tower, message in (
        ("wide", {**vision_tower(48), "visual.proj": torch.ones(48, 32)}, "48 wide"),
        ("no_projection", vision_tower(40), "the CLIP embedding of every reference picture"),
    ):
        file = host.models("clip_vision") / f"{name}.safetensors"
        save_file(tower, file, {"num_heads": "4", "hidden_act": "gelu"})
        [encoder] = golden_wan.run_node("StyleCrafterImageEncoderLoader", encoder_name=file.name)
        with pytest.raises(Exception, match=message):
            golden_wan.run_node(
                "StyleCrafterEncodeStyle",
                adapter=golden_wan.adapter,
                clip_vision=encoder,
                images=torch.rand(1, 30, 40, 3),
            )


class RecordedText:
    """Stands in for a CLIP."""

    def tokenize(self, text: str) -> int:
        return ["first", "second"].index(text)

    def encode_from_tokens_scheduled(self, tokens: int) -> list:
        return [[EXPECTED["text"][tokens : tokens + 1], {}]]


def test_the_scale_inspector(wan: GoldenWan) -> None:
    """Published: ones, as there is no predictor. Our own: what the predictor says of a prompt."""
    _, said = wan.run_node(
        "StyleCrafterScaleInspector",
        adapter=wan.adapter,
        clip=RecordedText(),
        prompts="first\nsecond",
        style=wan.style(0),
    )
    means = [float(line.split("mean ")[1].split(",")[0]) for line in said.splitlines()]
    text = EXPECTED["text"]
    with torch.inference_mode():
        tokens = wan.adapter.style_tokens(wan.style(0), text)
        gains = wan.adapter.layer_gains(tokens.expand(2, -1, -1), text)
    assert means == pytest.approx(gains.mean(1).tolist(), abs=6e-4)
    assert gains.shape == (2, SITES)


@pytest.mark.parametrize(
    ("width", "blocks", "fits"),
    [(1536, 30, True), (3072, 30, False), (5120, 40, False)],
    ids=["1.3B", "5B", "14B"],
)
@pytest.mark.parametrize("vace", [False, True])
def test_the_published_sizes(
    pack: ModuleType, golden_wan: GoldenWan, width: int, blocks: int, fits: bool, vace: bool
) -> None:
    """StyleMaster at full size fits the 1.3B and its VACE; the others are refused by their widths."""
    sizes = {"dim": width, "num_layers": blocks, "num_heads": width // 128, "ffn_dim": 64}
    sizes |= {"text_dim": 4096, "operations": comfy.ops.disable_weight_init, "device": "meta"}
    network = VaceWanModel(**sizes, vace_layers=15, vace_in_dim=96) if vace else WanModel("t2v", **sizes)
    spec = replace(golden_wan.adapter.spec, site_channels=(1536,) * 30, sites=None, context_dim=4096)
    spec = replace(spec, style_transformer=replace(spec.style_transformer, output_dim=4096))
    sites_for = core(pack, "comfy_host.networks").sites_for
    if fits:
        assert [site.number for site in sites_for(spec, network)] == list(range(30))
        return
    with pytest.raises(Exception, match="does not fit this model") as caught:
        sites_for(spec, network)
    assert f"{blocks} text cross-attentions, {width} wide" in str(caught.value)


def test_vace(golden_wan: GoldenWan, pack: ModuleType, hits: list[int]) -> None:
    """The main blocks are styled, each once; those beside them that read the control video are not."""
    sizes = {"dim": 96, "num_layers": SITES, "num_heads": 3, "ffn_dim": 64, "text_dim": 128}
    model = filled(VaceWanModel(**sizes, vace_layers=SITES, vace_in_dim=16, operations=manual_cast))
    x, control = torch.randn(1, 16, 1, 4, 4), torch.randn(1, 1, 16, 1, 4, 4)
    inputs = {"timestep": torch.tensor([500.0]), "context": torch.randn(1, 9, 128)}
    inputs |= {"vace_context": control, "vace_strength": [1.0]}
    inject, batch = injection(golden_wan, pack, model)
    with torch.no_grad():
        plain = model(x, **inputs)
        found = model(x, **inputs, transformer_options=inject({}, batch))
    assert hits == list(range(SITES))
    assert not torch.allclose(plain, found, atol=1e-4)


def test_adapters_on_models_that_they_do_not_fit(
    golden_wan: GoldenWan, golden: Any, pack: ModuleType
) -> None:
    with pytest.raises(Exception, match="does not fit this model") as caught:
        golden_wan.run_node("StyleCrafterPatchModel", model=golden.plain, adapter=golden_wan.adapter)
    assert "3 text cross-attentions, 96 wide, over text tokens 128 wide" in str(caught.value)
    with pytest.raises(Exception, match="does not fit this model"):
        golden_wan.run_node("StyleCrafterPatchModel", model=golden_wan.plain, adapter=golden.adapter)
    wide = replace(golden_wan.adapter.spec, site_channels=(192,) * SITES, sites=None)
    with pytest.raises(Exception, match="96 wide"):
        core(pack, "comfy_host.networks").sites_for(wide, golden_wan.plain.model.diffusion_model)


def test_a_style_of_another_family(golden_wan: GoldenWan, golden: Any) -> None:
    with pytest.raises(Exception, match="do not belong together"):
        golden_wan.styled(style=golden.style(0))


def filled(model: WanModel) -> WanModel:
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return model


def injection(golden_wan: GoldenWan, pack: ModuleType, model: WanModel) -> tuple[Callable, Any]:
    """What brings a style of one row to a network of the recorded width."""
    networks, conditioning = core(pack, "comfy_host.networks"), core(pack, "comfy_host.conditioning")
    sites = tuple(networks.network_of(model).attentions(model))
    styles = golden_wan.adapter.module.site_styles(torch.randn(1, 4, 128))[: len(sites)]
    ready = core(pack, "adapter").ReadyStyle.of(styles, torch.ones(1, len(sites)))
    return networks.injection_for(model, sites), conditioning.StyleBatch(((1, ready),))


def test_image_to_video(golden_wan: GoldenWan, pack: ModuleType, hits: list[int]) -> None:
    """The block attends to the picture, then to the text; the style goes to the text's attention."""
    sizes = {"in_dim": 20, "dim": 96, "ffn_dim": 64, "text_dim": 128, "num_heads": 3, "num_layers": 2}
    model = filled(WanModel("i2v", **sizes, operations=manual_cast))
    x, text, picture = torch.randn(1, 20, 1, 4, 4), torch.randn(1, 9, 128), torch.randn(1, 257, 1280)
    with torch.no_grad():
        inject, batch = injection(golden_wan, pack, model)
        plain = model(x, torch.tensor([500.0]), text, clip_fea=picture)
        found = model(x, torch.tensor([500.0]), text, clip_fea=picture, transformer_options=inject({}, batch))
    assert hits == [0, 1]
    assert not torch.allclose(plain, found, atol=1e-4)
