"""The host's CLIP_VISION from any file, the families' tokens from it, and kornia's numbers for the blur."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import comfy.clip_vision
import comfy.model_management
import kornia
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "clip_a"
ENCODER = GOLDEN / "open_clip_vision.safetensors"
sys.path.append(str(ROOT / "tests" / "features"))

from clip_reference import hidden_states  # noqa: E402


@pytest.fixture(scope="module")
def vision(pack):
    return importlib.import_module(f"{pack.__name__}.stylecrafter_core.comfy_host.vision")


@pytest.fixture(scope="module")
def features(pack):
    return importlib.import_module(f"{pack.__name__}.stylecrafter_core.features")


@pytest.fixture(scope="module")
def errors(pack):
    return importlib.import_module(f"{pack.__name__}.stylecrafter_core.errors")


@pytest.fixture(scope="module")
def encoder(vision):
    return vision.load_image_encoder(ENCODER)


@pytest.fixture(scope="module")
def weights():
    return {name.removeprefix("visual."): tensor for name, tensor in load_file(ENCODER).items()}


def picture(index: int) -> torch.Tensor:
    return (
        torch.from_numpy(np.array(Image.open(GOLDEN / f"image{index}.jpg").convert("RGB"))).float()[None]
        / 255
    )


@pytest.mark.parametrize("index", [0, 1])
def test_video_tokens_of_the_paintings(vision, encoder, index):
    recorded = load_file(GOLDEN / "expected.safetensors")[f"tokens{index}"]
    tokens = vision.encode_clip_tokens(encoder, picture(index), "video")
    torch.testing.assert_close(tokens, recorded, atol=1e-4, rtol=0)
    assert tokens.device == comfy.model_management.intermediate_device()


def test_sdxl_tokens_are_the_hosts_penultimate_states(vision, encoder, weights, features, run_node):
    (output,) = run_node("CLIPVisionEncode", clip_vision=encoder, image=picture(0), crop="center")
    tokens = vision.encode_clip_tokens(encoder, picture(0), "sdxl")
    torch.testing.assert_close(tokens, output["penultimate_hidden_states"], atol=1e-5, rtol=0)
    by_hand = hidden_states(features.CLIP_TOKENS["sdxl"].preprocess(picture(0)), weights, heads=2)[-2]
    torch.testing.assert_close(tokens, by_hand, atol=1e-3, rtol=0)


@pytest.mark.parametrize("size_hw", [(239, 598), (625, 460), (224, 224), (40, 31), (7, 5), (300, 224)])
def test_standard_preprocessing_is_the_hosts(features, size_hw):
    images = torch.rand(2, *size_hw, 3, generator=torch.Generator().manual_seed(0))
    expected = comfy.clip_vision.clip_preprocess(images)
    torch.testing.assert_close(features.CLIP_TOKENS["sdxl"].preprocess(images), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [16, 56, 224, 336, 511, 512, 640])
def test_blur_and_bicubic_are_kornias(features, size):
    pictures = importlib.import_module(f"{features.__name__}.pictures")
    square = torch.rand(2, 3, 512, 512, generator=torch.Generator().manual_seed(0))
    expected = kornia.geometry.resize(
        square, (size, size), interpolation="bicubic", align_corners=True, antialias=True
    )
    torch.testing.assert_close(pictures.blurred_bicubic(square, size), expected, atol=1e-5, rtol=0)


def test_the_hosts_memory_management_holds_it(vision, encoder):
    vision.encode_clip_tokens(encoder, torch.zeros(1, 8, 8, 3), "video")
    assert encoder.patcher in [loaded.model for loaded in comfy.model_management.current_loaded_models]
    assert isinstance(encoder, comfy.clip_vision.ClipVisionModel)


def test_many_references_in_one_batch(vision, encoder):
    images = torch.rand(19, 30, 20, 3, generator=torch.Generator().manual_seed(0))
    tokens = vision.encode_clip_tokens(encoder, images, "video")
    assert tokens.shape == (19, 257, 160)
    last = vision.encode_clip_tokens(encoder, images[18:], "video")
    torch.testing.assert_close(tokens[18:], last, atol=1e-4, rtol=0)


def test_references_of_several_inputs_keep_their_shapes(vision, encoder, run_node):
    spec = SimpleNamespace(family="video", clip_tokens=None)
    adapter = SimpleNamespace(spec=spec, encode=lambda tokens, embeds: tokens)
    seeds = torch.Generator().manual_seed(0)
    wide, pair, tall = (
        torch.rand(*shape, 3, generator=seeds) for shape in ((1, 20, 90), (2, 30, 20), (1, 90, 20))
    )
    inputs = {"adapter": adapter, "clip_vision": encoder, "images": wide, "images_2": pair, "images_4": tall}
    (tokens,) = run_node("StyleCrafterEncodeStyle", **inputs)
    apart = [vision.encode_clip_tokens(encoder, images, "video") for images in (wide, pair, tall)]
    torch.testing.assert_close(tokens, torch.cat(apart), atol=1e-4, rtol=0)


def test_a_job_can_be_interrupted_between_references(vision, encoder):
    comfy.model_management.interrupt_current_processing(True)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        vision.encode_clip_tokens(encoder, torch.zeros(1, 8, 8, 3), "video")
    assert vision.encode_clip_tokens(encoder, torch.zeros(1, 8, 8, 3), "video").shape == (1, 257, 160)


def test_hugging_face_names_give_the_same_tokens(vision, encoder, features, weights, tmp_path):
    save_file(features.to_hugging_face(weights), tmp_path / "encoder.safetensors")
    renamed = vision.load_image_encoder(tmp_path / "encoder.safetensors")
    expected = vision.encode_clip_tokens(encoder, picture(1), "video")
    assert torch.equal(vision.encode_clip_tokens(renamed, picture(1), "video"), expected)


def test_a_whole_checkpoint_loads_and_says_what_it_leaves_aside(vision, encoder, tmp_path, caplog):
    text = {
        "token_embedding.weight": torch.zeros(9, 4),
        "logit_scale": torch.zeros(()),
        "ln_final.bias": torch.zeros(4),
    }
    torch.save({"state_dict": {**load_file(ENCODER), **text}}, tmp_path / "whole.bin")
    with caplog.at_level(logging.INFO):
        whole = vision.load_image_encoder(tmp_path / "whole.bin")
    assert "3 tensors beside the vision tower are not used" in caplog.text
    expected = vision.encode_clip_tokens(encoder, picture(0), "video")
    assert torch.equal(vision.encode_clip_tokens(whole, picture(0), "video"), expected)


def test_another_size_activation_and_precision(vision, weights, tmp_path):
    small = {f"visual.{name}": tensor.half() for name, tensor in weights.items()}
    small["visual.positional_embedding"] = small["visual.positional_embedding"][:17].clone()
    header = {"num_heads": "5", "hidden_act": "quick_gelu"}
    save_file(small, tmp_path / "small.safetensors", metadata=header)
    loaded = vision.load_image_encoder(tmp_path / "small.safetensors")
    layer = loaded.model.vision_model.encoder.layers[0]
    assert (loaded.image_size, layer.self_attn.heads) == (56, 5)
    assert layer.mlp.activation(torch.tensor(1.0)) == pytest.approx(0.8457957)
    assert layer.mlp.fc1.weight.dtype == comfy.model_management.text_encoder_dtype(loaded.load_device)
    tokens = vision.encode_clip_tokens(loaded, picture(0), "video")
    assert tokens.shape == (1, 17, 160)
    assert tokens.dtype == torch.float32
    assert torch.isfinite(tokens).all()


def test_float32_stays_unless_the_user_asked_for_a_precision(vision, encoder, monkeypatch):
    assert encoder.model.vision_model.encoder.layers[0].mlp.fc1.weight.dtype == torch.float32
    monkeypatch.setattr(vision.args, "bf16_text_enc", True)
    asked = vision.load_image_encoder(ENCODER)
    assert asked.model.vision_model.encoder.layers[0].mlp.fc1.weight.dtype == torch.bfloat16


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size_hw", [(1, 1), (7, 5), (30, 5000)])
def test_odd_pictures(vision, encoder, channels, size_hw):
    images = torch.rand(1, *size_hw, channels, generator=torch.Generator().manual_seed(0))
    for family in ("video", "sdxl"):
        tokens = vision.encode_clip_tokens(encoder, images, family)
        assert tokens.shape == (1, 257, 160)
        assert torch.isfinite(tokens).all()


def test_unusable_pictures_and_kinds_are_refused(vision, encoder, errors):
    with pytest.raises(errors.InputError, match="`images` is empty"):
        vision.encode_clip_tokens(encoder, torch.zeros(0, 8, 8, 3), "video")
    with pytest.raises(errors.InputError, match=r"`images`.*picture 1 of 1"):
        vision.encode_clip_tokens(encoder, torch.full((1, 8, 8, 3), float("nan")), "video")
    with pytest.raises(errors.InputError, match="no such kind of CLIP tokens"):
        vision.encode_clip_tokens(encoder, torch.zeros(1, 8, 8, 3), "film")


SIGLIP = {
    "model_type": "siglip_vision_model",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "hidden_act": "gelu_pytorch_tanh",
    "patch_size": 14,
    "image_size": 28,
    "num_channels": 3,
}
DINOV2 = {
    "model_type": "dinov2",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "layer_norm_eps": 1e-6,
    "use_swiglu_ffn": False,
}


@pytest.mark.parametrize("config", [SIGLIP, DINOV2], ids=lambda config: config["model_type"])
def test_vision_models_that_are_no_clip_are_refused(vision, errors, config, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config))
    other = comfy.clip_vision.ClipVisionModel(str(tmp_path / "config.json"))
    with pytest.raises(errors.MismatchError, match="`clip_vision` is not a CLIP image encoder") as caught:
        vision.encode_clip_tokens(other, torch.zeros(1, 8, 8, 3), "video")
    assert type(other.model).__name__ in caught.value.found
    assert "class token" in caught.value.found
    assert "ViT-H/14" in caught.value.expected
    assert "Load CLIP Vision" in caught.value.fix


def test_files_without_a_complete_tower_are_refused_with_the_file_named(vision, errors, tmp_path):
    file = tmp_path / "encoder.safetensors"
    save_file({name: t for name, t in load_file(ENCODER).items() if "1.ln_2.bias" not in name}, file)
    with pytest.raises(errors.WeightFileError, match=r"encoder\.safetensors does not hold") as caught:
        vision.load_image_encoder(file)
    assert "transformer.resblocks.1.ln_2.bias" in caught.value.found
    save_file({"model.diffusion_model.weight": torch.zeros(1)}, file)
    with pytest.raises(errors.WeightFileError, match=r"encoder\.safetensors cannot be used") as caught:
        vision.load_image_encoder(file)
    assert caught.value.found == "no vision tower"


def test_embeddings_of_the_shuffled_picture(vision, features, encoder):
    """Class token behind the last norm, projected; and the tokens of that contract have no norm at all."""
    contract = features.CLIP_TOKENS["stylemaster"]
    [embeds] = vision.encode_embeds(encoder, [picture(0)], "stylemaster")
    assert vision.encode_embeds(encoder, [picture(0)], "video") is None
    shuffled = contract.before_embedding(picture(0)[0].movedim(-1, 0)).movedim(0, -1)[None]
    tower = encoder.model.vision_model
    with torch.no_grad():
        last = encoder.model(pixel_values=contract.preprocess(shuffled))[0]
        expected = encoder.model.visual_projection(tower.post_layernorm(last[:, 0]))[0]
        plain = encoder.model(pixel_values=contract.preprocess(picture(0)))[0]
    torch.testing.assert_close(embeds, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        vision.encode_clip_tokens(encoder, picture(0), "stylemaster"), plain, atol=1e-5, rtol=0
    )
