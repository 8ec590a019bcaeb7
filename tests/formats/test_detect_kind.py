"""Every kind is recognised by its tensor names; a file of another kind is told where it belongs."""

import pytest
import torch
from safetensors.torch import save_file

from stylecrafter_core.errors import WeightFileError
from stylecrafter_core.families import FAMILIES
from stylecrafter_core.formats import (
    detect,
    read_adapter,
    read_temporal,
    read_tensors,
    read_video_base,
    save_adapter,
    save_temporal,
)
from stylecrafter_core.formats.detect import (
    OWN_ADAPTER,
    OWN_TEMPORAL,
    TEMPORAL_PUBLISHED,
    VIDEO_BASE,
    Kind,
    published_kind,
)


def published(family: str) -> Kind:
    format = FAMILIES[family].published
    assert format is not None
    return published_kind(format)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("video_a/adapter.pth", published("video")),
        ("video_a/temporal.pth", TEMPORAL_PUBLISHED),
        ("video_a/base.ckpt", VIDEO_BASE),
        ("sdxl_a/adapter.ckpt", published("sdxl")),
    ],
)
def test_published_kinds(golden, path, kind):
    file = read_tensors(golden / path)
    assert detect(file.tensors, file.metadata) == kind


def test_own_kinds(golden, tmp_path):
    adapter = read_adapter(golden / "video_a" / "adapter.pth")
    temporal = read_temporal(golden / "video_a" / "temporal.pth")
    save_adapter(tmp_path / "a", adapter.spec, adapter.tensors)
    save_temporal(tmp_path / "t", temporal.blocks, temporal.tensors)
    assert detect({}, read_tensors(tmp_path / "a").metadata) == OWN_ADAPTER
    assert detect({}, read_tensors(tmp_path / "t").metadata) == OWN_TEMPORAL
    with pytest.raises(WeightFileError, match="select it under temporal_name"):
        read_adapter(tmp_path / "t")
    with pytest.raises(WeightFileError, match="select it under adapter_name"):
        read_temporal(tmp_path / "a")


@pytest.mark.parametrize(
    ("read", "path", "found", "fix"),
    [
        (read_adapter, "video_a/temporal.pth", "this is a temporal file", "select it under temporal_name"),
        (read_adapter, "video_a/base.ckpt", "this is a video base checkpoint", "select it under ckpt_name"),
        (read_temporal, "video_a/adapter.pth", "this is a style adapter for video", "under adapter_name"),
        (read_temporal, "video_a/base.ckpt", "this is a video base checkpoint", "models/checkpoints"),
        (read_video_base, "sdxl_a/adapter.ckpt", "this is a style adapter for SDXL", "models/stylecrafter"),
        (read_video_base, "video_a/temporal.pth", "this is a temporal file", "under temporal_name"),
    ],
)
def test_a_file_of_another_kind_is_told_where_it_belongs(golden, read, path, found, fix):
    with pytest.raises(WeightFileError) as caught:
        read(golden / path)
    assert path in caught.value.what
    assert found in caught.value.found
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["lora_unet_mid_block.lora_up.weight", "lora_unet_mid_block.lora_down.weight"], "a LoRA"),
        (["unet.mid_block.to_q.lora_A.weight"], "a LoRA"),
        (["image_proj.proj.weight", "ip_adapter.1.to_k_ip.weight"], "an IP-Adapter"),
        (["down_blocks.0.motion_modules.0.temporal_transformer.norm.weight"], "an AnimateDiff motion module"),
        (["block.lora.up.weight"], "a LoRA"),
        (["image_proj.latents"], "an IP-Adapter"),
        (["control_model.input_hint_block.0.weight"], "a ControlNet"),
        (["zero_convs.0.0.weight"], "a ControlNet"),
        (["controlnet_cond_embedding.conv_in.weight"], "a ControlNet"),
        (
            ["input_blocks.1.2.attn1.relative_position_k.weight"],
            "a video model that was saved before StyleCrafter gave its weights their published names",
        ),
        (["blocks.0.cross_attn.k.weight"], "a Wan model without a style adapter"),
        (["model.diffusion_model.blocks.11.cross_attn.k.weight"], "a Wan model without a style adapter"),
        (["middle_block.0.weight"], "a U-Net without temporal blocks"),
        (["vision_model.pre_layrnorm.weight"], "a CLIP image encoder"),
        (["cond_stage_model.model.ln_final.weight"], "a text encoder"),
        (["first_stage_model.decoder.mid.block_1.conv1.weight"], "a VAE"),
        (
            ["model.diffusion_model.input_blocks.1.0.temopral_conv.conv1.0.weight"],
            "a later VideoCrafter model, with temporal convolutions",
        ),
        (
            ["model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.decoder.conv_in.weight"],
            "an image checkpoint without the video model's temporal blocks",
        ),
        (["input_blocks.0.0.weight"], "a U-Net without temporal blocks"),
        (["down_blocks.0.resnets.0.conv1.weight"], "a U-Net in diffusers' names"),
        (["visual.conv1.weight"], "a CLIP image encoder"),
        (["text_model.encoder.layers.0.layer_norm1.weight"], "a text encoder"),
        (["encoder.conv_in.weight", "decoder.conv_in.weight"], "a VAE"),
    ],
)
def test_other_well_known_files_are_named(names, what, tmp_path):
    path = tmp_path / "file.safetensors"
    save_file({name: torch.zeros(1) for name in names}, path)
    for read in (read_adapter, read_temporal, read_video_base):
        with pytest.raises(WeightFileError) as caught:
            read(path)
        assert str(path) in caught.value.what
        assert caught.value.found.startswith(f"{what}, by its")
        assert caught.value.expected
        assert caught.value.fix


def test_a_file_nobody_knows_shows_its_names():
    tensors = {f"layer.{i}": torch.zeros(1, device="meta") for i in range(5)}
    with pytest.raises(WeightFileError, match=r"5 tensors: layer\.0, layer\.1, layer\.2, \.\.\."):
        detect(tensors, {})
