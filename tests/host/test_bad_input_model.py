"""What cannot work on the model's side: each message says what, where, found, expected, what to do."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import comfy.utils
import pytest
import torch
from golden_video import GOLDEN, GoldenVideo
from jobs import dual_guider, noise, one_box, plain_guider, run
from refused import refused
from watch import watched

NODES_THAT_SAMPLE = ("StyleCrafterGuider", "StyleCrafterSampler", "KSampler", "StyleCrafterDualCFG")


def patch(golden: Any, model: Any, adapter: Any) -> Any:
    return golden.run_node("StyleCrafterPatchModel", model=model, adapter=adapter)[0]


def test_an_adapter_of_the_other_family(golden: GoldenVideo, golden_sdxl: Any) -> None:
    with refused(
        "MismatchError",
        what="adapter does not fit this model: sdxl_adapter.ckpt on a VideoModel",
        found="7 text cross-attentions",
        expected="SDXL adapter",
        fix="or a model of the SDXL family",
    ):
        patch(golden, golden.plain, golden_sdxl.adapter)
    with refused(
        "MismatchError",
        what="adapter does not fit this model: adapter.pth on a TinySDXL",
        found="text cross-attentions",
        expected="7 text cross-attentions, 32/64 wide, over text tokens 24 wide, as this VideoCrafter",
        fix="or a model of the VideoCrafter family",
    ):
        patch(golden, golden_sdxl.plain, golden.adapter)


def published(name: str) -> dict[str, Any]:
    return torch.load(GOLDEN / name, map_location="cpu", weights_only=True)["state_dict"]


def load_changed(golden: GoldenVideo, host: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    torch.save({"state_dict": tensors}, host.models("stylecrafter") / name)
    return golden.run_node("StyleCrafterAdapterLoader", adapter_name=name)[0]


def test_an_adapter_of_another_width(golden: GoldenVideo, host: Any) -> None:
    """The first site three times as wide as the U-Net's first attention."""
    wide = {
        name: tensor.repeat(3, *[1] * (tensor.ndim - 1)) if ".input_blocks_1_1_" in name else tensor
        for name, tensor in published("adapter.pth").items()
    }
    adapter = load_changed(golden, host, "wide.pth", wide)
    with refused(
        "MismatchError",
        what="adapter does not fit this model: wide.pth on a VideoModel",
        found="7 text cross-attentions, 32/64 wide",
        expected="7 text cross-attentions, 32/64/96 wide",
        fix="choose an adapter that was made for this model",
    ):
        patch(golden, golden.plain, adapter)


def test_an_adapter_whose_sites_lie_elsewhere(golden: GoldenVideo, host: Any) -> None:
    moved = {
        n.replace("input_blocks_3_1", "input_blocks_4_1"): t for n, t in published("adapter.pth").items()
    }
    adapter = load_changed(golden, host, "moved.pth", moved)
    with refused(
        "MismatchError",
        what="adapter does not fit this model: moved.pth on a VideoModel",
        found="a cross-attention at ('input', 3, 0)",
        expected="one at ('input', 4, 0)",
        fix="choose an adapter that was made for this model",
    ):
        patch(golden, golden.plain, adapter)


@pytest.mark.parametrize("change", ["moved", "fewer"])
def test_temporal_weights_of_another_unet(golden: GoldenVideo, host: Any, change: str) -> None:
    blocks = published("temporal.pth")
    if change == "moved":
        blocks = {
            name.replace("input_blocks.3.2", "input_blocks.4.2"): block for name, block in blocks.items()
        }
    else:
        del blocks["input_blocks.3.2"]
    torch.save({"state_dict": blocks}, host.models("stylecrafter") / "other_temporal.pth")
    with refused(
        "MismatchError",
        what="other_temporal.pth was made for another U-Net than base.ckpt",
        found=f"{len(blocks)} temporal blocks; input_blocks.3.2: not there",
        expected="8 temporal blocks; input_blocks.3.2: ",
        fix="set temporal_name to none",
    ):
        golden.run_node(
            "StyleCrafterVideoModelLoader",
            ckpt_name="base.ckpt",
            adapter_name="adapter.pth",
            temporal_name="other_temporal.pth",
        )


@pytest.mark.parametrize(
    ("node", "inputs", "folder"),
    [
        ("StyleCrafterVideoModelLoader", {"ckpt_name": "gone.pth"}, "checkpoints"),
        ("StyleCrafterVideoModelLoader", {"adapter_name": "gone.pth"}, "stylecrafter"),
        ("StyleCrafterVideoModelLoader", {"temporal_name": "gone.pth"}, "stylecrafter"),
        ("StyleCrafterAdapterLoader", {"adapter_name": "gone.pth"}, "stylecrafter"),
        ("StyleCrafterImageEncoderLoader", {"encoder_name": "gone.pth"}, "clip_vision"),
    ],
)
def test_a_file_that_is_not_there(
    golden: GoldenVideo, pack: Any, host: Any, node: str, inputs: dict[str, str], folder: str
) -> None:
    """A workflow made elsewhere: said before the job is queued, and once more if it runs all the same."""
    others = {"ckpt_name": "base.ckpt", "adapter_name": "adapter.pth", "temporal_name": "none"}
    if node == "StyleCrafterVideoModelLoader":
        inputs = others | inputs
    name = next(key for key, value in inputs.items() if value == "gone.pth")
    words = {
        "what": f"{name}: the file gone.pth is not there",
        "found": str(host.models(folder)),
        "expected": "gone.pth in that folder",
        "fix": "put the file there",
    }
    answer = pack.NODE_CLASS_MAPPINGS[node].validate_inputs(**inputs)
    assert all(word in answer for word in words.values()), answer
    with refused("WeightFileError", **words):
        golden.run_node(node, **inputs)


def test_files_that_are_there_are_valid(golden: GoldenVideo, pack: Any) -> None:
    loader = pack.NODE_CLASS_MAPPINGS["StyleCrafterVideoModelLoader"]
    assert loader.validate_inputs(ckpt_name="base.ckpt", adapter_name="none", temporal_name="none") is True
    assert loader.validate_inputs(ckpt_name="base.ckpt", adapter_name=None, temporal_name="none") is True


def test_a_model_without_a_unet(golden: GoldenVideo) -> None:
    class Transformer(torch.nn.Module):
        """A model of another kind."""

    other = golden.plain.clone()
    other.add_object_patch("diffusion_model", Transformer())
    with refused(
        "MismatchError",
        what="cannot be used with this model: adapter.pth on a VideoModel",
        found="a Transformer without text cross-attention",
        expected="VideoCrafter or SDXL",
        fix="connect the model family",
    ):
        patch(golden, other, golden.adapter)


@pytest.mark.parametrize("node", NODES_THAT_SAMPLE)
def test_a_styled_prompt_on_a_model_that_was_never_patched(golden: GoldenVideo, node: str) -> None:
    positive, negative = golden.styled(0), golden.empty(0)
    with refused(
        "MismatchError",
        what="carries a style, but the model has no style adapter",
        found="never patched",
        expected="a MODEL patched with one",
        fix="patch the model with the style adapter, between the model loader and the sampler",
    ):
        if node == "StyleCrafterGuider":
            dual_guider(golden, model=golden.plain)
        elif node == "StyleCrafterSampler":
            one_box(golden, {"samples": torch.zeros(4, 4, 8, 8)}, model=golden.plain)
        elif node == "KSampler":
            run(plain_guider(golden.plain, positive, negative, cfg=5.0), noise(4))
        else:
            (dual,) = golden.run_node("StyleCrafterDualCFG", model=golden.plain, cfg_style=3.0)
            run(plain_guider(dual, positive, negative, cfg=5.0), noise(4))


def test_a_styled_prompt_on_any_other_model_of_the_host(golden: GoldenVideo, golden_sdxl: Any) -> None:
    guider = plain_guider(golden_sdxl.plain, golden_sdxl.styled(0), golden_sdxl.empty(0), cfg=5.0)
    with refused(
        "MismatchError",
        what="carries a style, but the model has no style adapter",
        found="never patched",
        expected="a MODEL patched with one",
        fix="patch the model with the style adapter, between the model loader and the sampler",
    ):
        run(guider, noise(1, *golden_sdxl.x(0).shape[-2:]))


@pytest.mark.parametrize("node", ["StyleCrafterGuider", "StyleCrafterDualCFG", "KSampler"])
def test_a_style_of_another_adapter(golden: GoldenVideo, host: Any, node: str) -> None:
    """Said before the first step, also of a style that begins late; plain KSampler says it when it begins."""
    retrained = {name: tensor * 1.01 for name, tensor in published("adapter.pth").items()}
    other = load_changed(golden, host, "retrained.pth", retrained)
    model, watcher = watched(patch(golden, golden.plain, other))
    positive = golden.styled(0, start_at=0.0 if node == "KSampler" else 0.9)
    with refused(
        "MismatchError",
        what="The style was encoded with another adapter",
        found=golden.adapter.adapter_id,
        expected=f"retrained.pth ({other.adapter_id})",
        fix="connect one adapter both to what encodes the style and to what patches the model",
    ):
        if node == "StyleCrafterGuider":
            dual_guider(golden, model=model, positive=positive)
        elif node == "StyleCrafterDualCFG":
            (dual,) = golden.run_node(node, model=model, cfg_style=3.0)
            run(plain_guider(dual, positive, golden.empty(0), cfg=5.0), noise(4))
        else:
            run(plain_guider(model, positive, golden.empty(0), cfg=5.0), noise(4))
    assert watcher.calls == []


def test_image_tokens_of_another_width(golden: GoldenVideo) -> None:
    with refused(
        "MismatchError",
        what="image encoder does not fit the style adapter",
        found="image tokens 48 wide",
        expected="image tokens 40 wide",
        fix="load the CLIP vision model that belongs to the adapter",
    ):
        golden.adapter.encode(torch.zeros(1, 17, 48))


def test_a_prompt_of_another_text_encoder(golden: GoldenVideo, golden_sdxl: Any) -> None:
    with refused(
        "MismatchError",
        what="The prompt and the style do not belong together",
        found=f"text tokens {golden_sdxl.text(0)[0][0].shape[-1]} wide",
        expected="24 wide, as the VideoCrafter adapter",
        fix="encode the prompt with the CLIP of the model",
    ):
        golden.run_node(
            "StyleCrafterApplyStyle",
            conditioning=golden_sdxl.text(0),
            style=golden.style(0),
            strength=1.0,
            start_at=0.0,
            end_at=1.0,
        )


@pytest.mark.parametrize("name", ["positive", "negative"])
@pytest.mark.parametrize("node", ["StyleCrafterGuider", "StyleCrafterSampler"])
def test_a_plain_prompt_of_another_text_encoder(
    golden: GoldenVideo, golden_sdxl: Any, node: str, name: str
) -> None:
    prompt = golden_sdxl.text(0)
    with refused(
        "MismatchError",
        what="A prompt does not belong to the model",
        found=f"text tokens {prompt[0][0].shape[-1]} wide",
        expected="24 wide, as the model and its adapter read them",
        fix="encode the positive and the negative prompt with the CLIP of this model",
    ):
        if node == "StyleCrafterGuider":
            dual_guider(golden, **{name: prompt})
        else:
            one_box(golden, {"samples": torch.zeros(4, 4, 8, 8)}, **{name: prompt})


@pytest.mark.parametrize(("start_at", "end_at"), [(0.5, 0.5), (0.8, 0.2), (-0.1, 1.0), (0.0, 1.5)])
@pytest.mark.parametrize("node", ["StyleCrafterApplyStyle", "StyleCrafterGuidanceInterval"])
def test_parts_of_the_sampling_that_are_none(
    golden: GoldenVideo, node: str, start_at: float, end_at: float
) -> None:
    bounds = {"start_at": start_at, "end_at": end_at}
    with refused(
        "InputError",
        what="The inputs `start_at` and `end_at` do not enclose any part",
        found=f"start_at {start_at}, end_at {end_at}",
        expected="0 ≤ start_at < end_at ≤ 1",
        fix="set start_at below end_at",
    ):
        if node == "StyleCrafterApplyStyle":
            golden.styled(0, **bounds)
        else:
            golden.run_node(node, model=golden.model, **bounds)


@pytest.mark.parametrize("sampler_name", ["stylecrafter_ddim", "euler"])
def test_the_job_after_an_interrupted_one_is_clean(
    golden: GoldenVideo, monkeypatch: pytest.MonkeyPatch, sampler_name: str
) -> None:
    """The user presses Cancel after the first step, which no host's progress bar leaves out for haste."""
    latent, positive = {"samples": torch.zeros(4, 4, 8, 8)}, golden.styled(0)
    job = {"latent": latent, "positive": positive, "sampler_name": sampler_name}
    expected = one_box(golden, **job)
    steps_seen: list[int] = []

    def cancel(value: int, *_: Any, **__: Any) -> None:
        steps_seen.append(value)
        comfy.model_management.interrupt_current_processing(value == 1)
        comfy.model_management.throw_exception_if_processing_interrupted()

    with monkeypatch.context() as patched:
        patched.setattr(comfy.utils, "PROGRESS_BAR_HOOK", cancel)
        with pytest.raises(comfy.model_management.InterruptProcessingException):
            one_box(golden, **job)
    assert steps_seen == [1]
    assert torch.equal(one_box(golden, **job), expected)
