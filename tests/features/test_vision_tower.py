"""A vision tower in a file: found, sized, accounted for; all else refused in words."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import load_file

from stylecrafter_core.errors import InputError, WeightFileError
from stylecrafter_core.features import open_clip_vision_tower, read_vision_tower, to_hugging_face

GOLDEN = Path(__file__).parents[1] / "golden" / "clip_a"
CONFIGS = Path(open_clip.__file__).parent / "model_configs"
TEXT = {
    "token_embedding.weight": torch.zeros(9, 4),
    "positional_embedding": torch.zeros(5, 4),
    "transformer.resblocks.0.ln_1.weight": torch.zeros(4),
    "ln_final.weight": torch.zeros(4),
    "text_projection": torch.zeros(4, 4),
    "logit_scale": torch.zeros(()),
}


@pytest.fixture
def file():
    return load_file(GOLDEN / "open_clip_vision.safetensors")


def test_every_size_is_read_off_the_shapes(file):
    tower = read_vision_tower(file)
    spec, config = tower.spec, json.loads((GOLDEN / "config.json").read_text())
    assert (spec.width, spec.layers, spec.num_heads) == (config["width"], config["layers"], config["heads"])
    assert (spec.patch_size, spec.image_size) == (config["patch_size"], config["image_size"])
    assert (spec.mlp_width, spec.output_dim) == (config["width"] * config["mlp_ratio"], config["output_dim"])
    assert spec.activation == "gelu"
    assert tower.ignored == ()
    assert len(tower.tensors) == len(file)


@pytest.mark.parametrize(
    "name",
    [
        "ViT-B-32",
        "ViT-B-16-plus-240",
        "ViT-L-14-336",
        "ViT-H-14",
        "ViT-H-14-378",
        "ViT-g-14",
        "ViT-bigG-14",
        "ViT-e-14",
    ],
)
def test_published_towers_at_full_size_are_understood(name):
    config = json.loads((CONFIGS / f"{name}.json").read_text())
    vision = config["vision_cfg"]
    heads = vision["width"] // vision.get("head_width", 64)
    with torch.device("meta"):
        tower = open_clip.transformer.VisionTransformer(
            image_size=vision["image_size"],
            patch_size=vision["patch_size"],
            width=vision["width"],
            layers=vision["layers"],
            heads=heads,
            mlp_ratio=vision.get("mlp_ratio", 4.0),
            output_dim=config["embed_dim"],
        )
        tensors = {f"visual.{key}": tensor for key, tensor in tower.state_dict().items()}
        found = read_vision_tower({**tensors, **TEXT})
        back = read_vision_tower(to_hugging_face(found.tensors), {"hidden_act": "gelu"})
    assert (found.spec.num_heads, found.spec.layers) == (heads, vision["layers"])
    assert (found.spec.image_size, found.spec.output_dim) == (vision["image_size"], config["embed_dim"])
    assert set(found.ignored) == set(TEXT)
    assert back.spec == found.spec


@pytest.mark.parametrize("mlp_width", [8192, 6144, 641])
def test_open_clip_gets_exactly_the_mlp_width_of_the_file(file, mlp_width):
    for layer in (0, 1):
        block = f"visual.transformer.resblocks.{layer}.mlp"
        file[f"{block}.c_fc.weight"], file[f"{block}.c_fc.bias"] = (
            torch.zeros(mlp_width, 160),
            torch.zeros(mlp_width),
        )
        file[f"{block}.c_proj.weight"] = torch.zeros(160, mlp_width)
    assert open_clip_vision_tower(file).transformer.resblocks[0].mlp.c_fc.out_features == mlp_width


def test_hugging_face_names_and_back_give_the_same_tensors(file):
    ours = read_vision_tower(file)
    renamed = to_hugging_face(ours.tensors)
    assert renamed["visual_projection.weight"].shape == (64, 160)
    assert "vision_model.encoder.layers.1.self_attn.k_proj.bias" in renamed
    back = read_vision_tower({**renamed, "vision_model.embeddings.position_ids": torch.arange(257)[None]})
    assert back.spec == ours.spec
    assert back.tensors.keys() == ours.tensors.keys()
    assert all(torch.equal(back.tensors[name], tensor) for name, tensor in ours.tensors.items())


@pytest.mark.parametrize("prefix", ["visual.", "module.visual.", "", "embedder.model.visual."])
def test_a_tower_is_found_wherever_its_keys_begin(file, prefix):
    renamed = {name.replace("visual.", prefix, 1): tensor for name, tensor in file.items()}
    assert read_vision_tower(renamed).spec == read_vision_tower(file).spec


def test_hugging_face_without_projection(file):
    renamed = to_hugging_face(read_vision_tower(file).tensors)
    del renamed["visual_projection.weight"]
    assert read_vision_tower(renamed).spec.output_dim is None
    assert open_clip_vision_tower(renamed).proj is None


def test_a_text_tower_beside_it_is_listed_as_ignored(file):
    tower = read_vision_tower({**TEXT, **file})
    assert set(tower.ignored) == set(TEXT)
    assert len(tower.tensors) == len(file)


def test_the_header_decides_about_heads_and_activation(file):
    spec = read_vision_tower(file, {"num_heads": "5", "hidden_act": "quick_gelu"}).spec
    assert (spec.num_heads, spec.activation) == (5, "quick_gelu")
    tower = open_clip_vision_tower(file, {"num_heads": "5", "hidden_act": "quick_gelu"})
    block = tower.transformer.resblocks[0]
    assert (block.attn.num_heads, type(block.mlp.gelu).__name__) == (5, "QuickGELU")


def test_openais_archives_and_hugging_face_sizes_use_quick_gelu(file):
    archive = {**file, **TEXT, "input_resolution": torch.tensor(224), "vocab_size": torch.tensor(9)}
    assert read_vision_tower(archive).spec.activation == "quick_gelu"
    with torch.device("meta"):
        large = open_clip.transformer.VisionTransformer(
            224, 14, 1024, 2, 16, 4.0, output_dim=768
        ).state_dict()
    assert read_vision_tower({f"visual.{n}": t for n, t in large.items()}).spec.activation == "gelu"
    assert read_vision_tower(to_hugging_face(large)).spec.activation == "quick_gelu"
    assert read_vision_tower(to_hugging_face(large), {"hidden_act": "gelu"}).spec.activation == "gelu"


def to_hugging_face_with_odd_query(file):
    renamed = to_hugging_face({name.removeprefix("visual."): tensor for name, tensor in file.items()})
    renamed["vision_model.encoder.layers.0.self_attn.q_proj.weight"] = torch.zeros(3, 7)
    return renamed


def without(tensors, part):
    return {name: tensor for name, tensor in tensors.items() if part not in name}


@pytest.mark.parametrize(
    ("change", "mentioned"),
    [
        (lambda f: without(f, "resblocks.1.ln_2.bias"), "1 missing: transformer.resblocks.1.ln_2.bias"),
        (lambda f: without(f, "ln_pre"), "2 missing: ln_pre.weight, ln_pre.bias"),
        (lambda f: {**f, "visual.attn_pool.query": torch.zeros(3)}, "1 unexpected: attn_pool.query"),
        (lambda f: {**f, "somewhere.else": torch.zeros(3)}, "1 unexpected: somewhere.else"),
        (lambda f: {**f, "visual.ln_post.bias": torch.zeros(3)}, "ln_post.bias is [3], expected [160]"),
        (
            lambda f: {**f, "visual.conv1.weight": torch.zeros(160, 3, 7, 14)},
            "conv1.weight is [160, 3, 7, 14]",
        ),
        (lambda f: without(f, "conv1"), "no usable conv1.weight"),
        (lambda f: without(f, "positional_embedding"), "no usable positional_embedding"),
        (lambda f: without(f, "resblocks"), "no usable transformer.resblocks.0.mlp.c_fc.weight"),
        (lambda f: {**f, "visual.conv1.weight": torch.zeros(160, 588)}, "no usable conv1.weight"),
        (lambda f: {**f, "visual.conv1.weight": torch.zeros(0, 3, 14, 14)}, "no usable conv1.weight"),
        (
            lambda f: {**f, "visual.transformer.resblocks.1000000.ln_1.bias": torch.zeros(160)},
            "no transformer.resblocks.2",
        ),
        (lambda f: to_hugging_face_with_odd_query(f), "self_attn.q_proj.weight"),
    ],
)
def test_an_incomplete_or_different_tower_is_refused_with_its_tensors_named(file, change, mentioned):
    with pytest.raises(WeightFileError, match=r"^enc\.pth does not hold") as caught:
        read_vision_tower(change(file), origin="enc.pth")
    assert mentioned in caught.value.found
    assert caught.value.expected
    assert caught.value.fix


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["vision_model.head.probe", "vision_model.embeddings.patch_embedding.bias"], "SigLIP"),
        (["embeddings.cls_token"], "DINOv2"),
        (["visual.trunk.pos_embed"], "timm"),
        (["visual.layer1.0.conv1.weight"], "ResNet"),
        (["unet.weight"], "no vision tower"),
        (["visual.class_embedding", "other.class_embedding"], "2 vision towers"),
    ],
)
def test_other_files_are_refused_in_words(names, found):
    with pytest.raises(WeightFileError, match=r"^enc\.pth cannot be used as a CLIP image encoder") as caught:
        read_vision_tower({name: torch.zeros(4) for name in names}, origin="enc.pth")
    assert found in caught.value.found
    assert "class token" in caught.value.expected
    assert "ViT-H/14" in caught.value.fix


@pytest.mark.parametrize(
    ("metadata", "what", "found"),
    [
        ({"num_heads": "3"}, "how many attention heads", "num_heads = '3' for width 160"),
        ({"num_heads": "two"}, "how many attention heads", "num_heads = 'two'"),
        ({"num_heads": "0"}, "how many attention heads", "num_heads = '0'"),
        ({"num_heads": "9" * 5000}, "how many attention heads", "num_heads = '999"),
        ({"hidden_act": "relu"}, "activation", "hidden_act = 'relu'"),
    ],
)
def test_a_wrong_header_is_refused(file, metadata, what, found):
    with pytest.raises(WeightFileError, match=what) as caught:
        read_vision_tower(file, metadata, origin="enc.safetensors")
    assert found in caught.value.found
    assert "header field" in caught.value.fix


def narrow_tower(width):
    with torch.device("meta"):
        tower = open_clip.transformer.VisionTransformer(28, 14, width, 1, 1, 4.0, output_dim=8)
    return {f"visual.{name}": tensor for name, tensor in tower.state_dict().items()}


def test_a_width_that_says_nothing_about_heads_asks_for_the_header(file):
    with pytest.raises(WeightFileError, match="how many attention heads") as caught:
        read_vision_tower(narrow_tower(48), origin="enc.pth")
    assert "width 48" in caught.value.found
    assert "`num_heads`" in caught.value.fix
    assert read_vision_tower(narrow_tower(48), {"num_heads": "4"}).spec.num_heads == 4


def test_positions_that_form_no_square_are_refused(file):
    file["visual.positional_embedding"] = torch.zeros(200, 160)
    with pytest.raises(WeightFileError, match="not for square pictures") as caught:
        read_vision_tower(file, origin="enc.pth")
    assert "200 positions" in caught.value.found


def test_values_that_are_no_weights_are_refused(file):
    name = "visual.transformer.resblocks.1.ln_2.bias"
    broken = {**file, name: torch.full_like(file[name], float("nan"))}
    with pytest.raises(WeightFileError, match="NaN or infinite") as caught:
        read_vision_tower(broken, origin="enc.pth")
    assert "transformer.resblocks.1.ln_2.bias" in caught.value.found


def test_without_open_clip_the_package_is_named(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    monkeypatch.setitem(sys.modules, "open_clip.transformer", None)
    with pytest.raises(InputError, match="pip install open_clip_torch"):
        open_clip_vision_tower(file)
