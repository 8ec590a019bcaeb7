"""The small files that the published implementation wrote: specs, tensors, bit-exact round trips."""

import json

import pytest
import torch

from stylecrafter_core.formats import (
    adapter_to_official,
    read_adapter,
    read_temporal,
    read_video_base,
    temporal_to_official,
)


def load(path):
    content = torch.load(path, weights_only=True, map_location="cpu")
    return content.get("state_dict", content)


def assert_same(left, right):
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in right)


@pytest.fixture
def video_config(golden):
    return json.loads((golden / "video_a" / "config.json").read_text())


@pytest.fixture
def sdxl_config(golden):
    return json.loads((golden / "sdxl_a" / "config.json").read_text())


def test_video_adapter_sizes(golden, video_config):
    spec = read_adapter(golden / "video_a" / "adapter.pth").spec
    style, scale = video_config["adapter"]["style_tokens"], video_config["adapter"]["scale_predictor"]
    ours = spec.style_transformer
    assert (ours.width, ours.output_dim, ours.num_heads, ours.num_queries, ours.depth) == (
        style["in_dim"],
        style["out_dim"],
        style["num_heads"],
        style["num_tokens"],
        style["n_layers"],
    )
    ours = spec.scale_predictor
    assert (ours.width, ours.num_heads, ours.num_queries, ours.depth) == (
        scale["in_dim"],
        scale["num_heads"],
        scale["num_tokens"],
        scale["n_layers"],
    )
    assert len(spec.sites) == video_config["n_cross_attention_layers"]
    assert spec.context_dim == video_config["unet"]["context_dim"]
    assert spec.normalises_style == video_config["adapter"]["use_norm"]


def test_sdxl_adapter_sizes(golden, sdxl_config):
    spec = read_adapter(golden / "sdxl_a" / "adapter.ckpt").spec
    style = sdxl_config["adapter"]["image_context_config"]["params"]
    scale = sdxl_config["adapter"]["scale_predictor_config"]["params"]
    for ours, theirs in ((spec.style_transformer, style), (spec.scale_predictor, scale)):
        assert (ours.width, ours.num_heads, ours.num_queries, ours.depth) == (
            theirs["embedding_dim"],
            theirs["num_heads"],
            theirs["num_queries"],
            theirs["n_layers"],
        )
    assert spec.context_dim == sdxl_config["adapter"]["text_dim"]
    assert len(spec.site_channels) == sum("attn2" in n for n in sdxl_config["attn_processor_order"])


def test_video_base_sizes(golden, video_config):
    base = read_video_base(golden / "video_a" / "base.ckpt")
    spec, theirs = base.unet_spec, video_config["unet"]
    for name in ("in_channels", "out_channels", "model_channels", "context_dim"):
        assert getattr(spec, name) == theirs[name]
    assert list(spec.channel_mult) == theirs["channel_mult"]
    assert spec.num_res_blocks == (theirs["num_res_blocks"],) * len(theirs["channel_mult"])
    assert spec.head_dim == theirs["num_head_channels"]
    assert spec.linear_projections == theirs["use_linear"]
    assert {block.max_distance for block in spec.temporal_blocks} == {theirs["temporal_length"]}
    assert (base.text, base.vae, base.ignored) == ({}, {}, ())


def test_base_and_temporal_file_describe_the_same_blocks(golden):
    base = read_video_base(golden / "video_a" / "base.ckpt")
    temporal = read_temporal(golden / "video_a" / "temporal.pth")
    assert temporal.blocks == base.unet_spec.temporal_blocks
    assert temporal.tensors.keys() <= base.unet.keys()
    assert {n: t.shape for n, t in temporal.tensors.items()} == {
        n: base.unet[n].shape for n in temporal.tensors
    }


def test_the_three_changes_of_layout(golden):
    official = load(golden / "video_a" / "adapter.pth")
    ours = read_adapter(golden / "video_a" / "adapter.pth").tensors
    assert torch.equal(ours["style_transformer.proj.weight"], official["image_context_model.proj"].T)
    assert torch.equal(ours["style_transformer.queries.weight"], official["image_context_model.style_emb"][0])
    assert torch.equal(ours["scale_predictor.queries.weight"], official["scale_predictor.scale_emb"][0])
    block = load(golden / "video_a" / "temporal.pth")["init_attn.0"]
    ours = read_temporal(golden / "video_a" / "temporal.pth").tensors
    assert torch.equal(ours["input_blocks.0.1.proj_in.weight"], block["proj_in.weight"][:, :, 0])


def test_sdxl_names_that_are_easy_to_mix_up(golden):
    official = load(golden / "sdxl_a" / "adapter.ckpt")
    ours = read_adapter(golden / "sdxl_a" / "adapter.ckpt").tensors
    assert torch.equal(
        ours["scale_predictor.proj.weight"], official["scale_predictor.scale_predictor.proj"].T
    )
    assert torch.equal(ours["scale_predictor.text_proj.weight"], official["scale_predictor.text_proj.weight"])
    assert torch.equal(
        ours["scale_predictor.ln_pre.bias"], official["scale_predictor.scale_predictor.ln1.bias"]
    )
    assert torch.equal(ours["style_kv.16.to_v.weight"], official["kv_attn_layers.33.to_v_style.weight"])


def test_video_sites_by_name(golden):
    official = load(golden / "video_a" / "adapter.pth")
    file = read_adapter(golden / "video_a" / "adapter.pth")
    layer = "kv_attn_layers.output_blocks_0_1_transformer_blocks_0_attn2_processor"
    assert file.spec.sites[3].key == ("output", 0, 0)
    assert torch.equal(file.tensors["style_kv.3.to_k.weight"], official[f"{layer}.to_k_style.weight"])
    assert torch.equal(file.tensors["style_kv.3.norm.bias"], official[f"{layer}.norm_style.bias"])


@pytest.mark.parametrize("path", ["video_a/adapter.pth", "sdxl_a/adapter.ckpt"])
def test_adapter_there_and_back_bit_for_bit(golden, path):
    file = read_adapter(golden / path)
    assert_same(adapter_to_official(file.spec, file.tensors), load(golden / path))


def test_adapter_written_as_published_reads_the_same(golden, tmp_path):
    file = read_adapter(golden / "video_a" / "adapter.pth")
    torch.save({"state_dict": adapter_to_official(file.spec, file.tensors)}, tmp_path / "again.pth")
    again = read_adapter(tmp_path / "again.pth")
    assert again.spec == file.spec
    assert_same(again.tensors, file.tensors)


def test_temporal_there_and_back_bit_for_bit(golden):
    file = read_temporal(golden / "video_a" / "temporal.pth")
    nested = load(golden / "video_a" / "temporal.pth")
    back = temporal_to_official(file.blocks, file.tensors)
    assert back.keys() == nested.keys()
    for block in nested:
        assert_same(back[block], nested[block])


def test_half_precision_stays_half(golden, tmp_path):
    official = {n: t.half() for n, t in load(golden / "sdxl_a" / "adapter.ckpt").items()}
    torch.save(official, tmp_path / "half.ckpt")
    file = read_adapter(tmp_path / "half.ckpt")
    assert {tensor.dtype for tensor in file.tensors.values()} == {torch.float16}
    assert_same(adapter_to_official(file.spec, file.tensors), official)
