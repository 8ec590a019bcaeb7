"""The published files at full size, from their key lists: every tensor is accounted for, none is stored."""

from dataclasses import replace

import pytest
import torch

from stylecrafter_core.errors import MismatchError, WeightFileError
from stylecrafter_core.formats import (
    TensorFile,
    adapter_to_official,
    expected_adapter_shapes,
    expected_temporal_shapes,
    temporal_to_official,
)
from stylecrafter_core.formats.readers import adapter_of, temporal_of, video_base_of
from stylecrafter_core.spec import Site

# The blocks that have a spatial transformer in the Stable Diffusion 2.1 U-Net.
VIDEO_SITES = [
    *((("input", n), c) for n, c in ((1, 320), (2, 320), (4, 640), (5, 640), (7, 1280), (8, 1280))),
    (("middle", 0), 1280),
    *((("output", n), 1280) for n in (3, 4, 5)),
    *((("output", n), 640) for n in (6, 7, 8)),
    *((("output", n), 320) for n in (9, 10, 11)),
]


def millions(tensors):
    return sum(tensor.numel() for tensor in tensors.values()) / 1e6


def shapes(tensors):
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def adapter(tensors):
    return adapter_of(TensorFile(tensors, {}), "adapter.pth")


def base(unet, **others):
    named = {f"model.diffusion_model.{name}": tensor for name, tensor in unet.items()}
    return video_base_of(TensorFile({**named, **others}, {}), "model.ckpt")


def temporal_part(unet):
    """The 17 temporal transformers among the U-Net's tensors, by the names of the published nested file."""
    owners = {name.split(".transformer_blocks.")[0] + "." for name in unet if "relative_position" in name}
    return {name: tensor for name, tensor in unet.items() if name.startswith(tuple(owners))}


def test_video_adapter(published_video_adapter):
    file = adapter(published_video_adapter)
    assert file.report.summary() == "139 loaded, 0 missing, 0 unexpected, 0 of wrong shape, 0 ignored"
    assert millions(file.tensors) == pytest.approx(111.2, abs=0.05)
    spec = file.spec
    assert [((site.block, site.number), site.channels) for site in spec.sites] == VIDEO_SITES
    assert spec.sites[6] == Site("middle", 0, 0, 1280)
    style, scale = spec.style_transformer, spec.scale_predictor
    assert (style.num_queries, style.width, style.depth, style.num_heads, style.output_dim) == (
        8,
        1280,
        3,
        8,
        1024,
    )
    assert (scale.num_queries, scale.width, scale.depth, scale.num_heads, scale.hidden_dim) == (
        16,
        1024,
        2,
        8,
        32,
    )
    assert (scale.projects_inputs, scale.projects_output, scale.text_first) == (False, False, False)
    assert spec.normalises_style


def test_sdxl_adapter(published_sdxl_adapter):
    file = adapter(published_sdxl_adapter)
    assert file.report.summary() == "372 loaded, 0 missing, 0 unexpected, 0 of wrong shape, 0 ignored"
    spec = file.spec
    style, scale = spec.style_transformer, spec.scale_predictor
    assert (style.num_queries, style.width, style.depth, style.num_heads, style.output_dim) == (
        16,
        1280,
        4,
        20,
        2048,
    )
    assert (scale.num_queries, scale.width, scale.depth, scale.num_heads, scale.input_dim) == (
        70,
        512,
        2,
        8,
        2048,
    )
    assert (scale.projects_inputs, scale.projects_output, scale.text_first) == (True, True, True)
    assert spec.sites is None
    # Down 4 × 640 and 20 × 1280, up 30 × 1280 and 6 × 640, middle 10 × 1280.
    assert spec.site_channels == (640,) * 4 + (1280,) * 50 + (640,) * 6 + (1280,) * 10


@pytest.mark.parametrize("which", ["published_video_adapter", "published_sdxl_adapter"])
def test_adapter_with_a_prefix_is_the_same(which, request):
    plain = request.getfixturevalue(which)
    prefixed = adapter({f"adapter.{name}": tensor for name, tensor in plain.items()})
    assert prefixed.spec == adapter(plain).spec
    assert shapes(prefixed.tensors) == shapes(adapter(plain).tensors)


@pytest.mark.parametrize("which", ["published_video_adapter", "published_sdxl_adapter"])
def test_adapter_shapes_there_and_back(which, request):
    official = request.getfixturevalue(which)
    file = adapter(official)
    assert shapes(file.tensors) == expected_adapter_shapes(file.spec)
    assert shapes(adapter_to_official(file.spec, file.tensors)) == shapes(official)


def test_order_in_the_file_does_not_matter(published_video_adapter):
    backwards = dict(reversed(published_video_adapter.items()))
    assert adapter(backwards).spec == adapter(published_video_adapter).spec


def test_video_base(published_unet):
    read = base(
        published_unet,
        **{
            "betas": torch.empty(1000, device="meta"),
            "model_ema.decay": torch.empty((), device="meta"),
            "cond_stage_model.model.ln_final.weight": torch.empty(1024, device="meta"),
            "first_stage_model.decoder.conv_in.weight": torch.empty(512, 4, 3, 3, device="meta"),
        },
    )
    assert read.report.summary() == "1198 loaded, 0 missing, 0 unexpected, 0 of wrong shape, 2 ignored"
    assert read.ignored == ("betas", "model_ema.decay")
    assert list(read.text) == ["model.ln_final.weight"]
    assert list(read.vae) == ["decoder.conv_in.weight"]
    assert len(read.unet) == 1196
    assert millions(read.unet) == pytest.approx(1144.5, abs=0.05)
    spec = read.unet_spec
    assert (spec.in_channels, spec.out_channels, spec.model_channels) == (4, 4, 320)
    assert (spec.channel_mult, spec.num_res_blocks) == ((1, 2, 4, 4), (2, 2, 2, 2))
    # As the host writes them down for Stable Diffusion 2.1.
    assert spec.transformer_depth == (1, 1, 1, 1, 1, 1, 0, 0)
    assert spec.transformer_depth_output == (1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0)
    assert (spec.transformer_depth_middle, spec.context_dim, spec.head_dim) == (1, 1024, 64)
    assert spec.linear_projections


def test_base_of_a_unet_alone(published_unet):
    read = video_base_of(TensorFile(published_unet, {}), "unet.safetensors")
    assert read.unet_spec == base(published_unet).unet_spec
    assert shapes(read.unet) == shapes(base(published_unet).unet)
    assert (read.text, read.vae) == ({}, {})


def test_only_the_first_temporal_block_moves(published_unet):
    read = base(published_unet)
    names = [block.name for block in read.unet_spec.temporal_blocks]
    assert len(names) == 17
    assert names[:3] == ["input_blocks.0.1", "input_blocks.1.2", "input_blocks.2.2"]
    assert names[7] == "middle_block.2"
    assert names[-2:] == ["output_blocks.10.2", "output_blocks.11.2"]
    assert {name for name in read.unet if name not in published_unet} == {
        *(n.replace("init_attn.0", "input_blocks.0.1").replace("embeddings_table", "weight")
          for n in published_unet if "init_attn" in n or "embeddings_table" in n)
    }  # fmt: skip
    assert read.unet["input_blocks.0.1.proj_in.weight"].shape == (512, 320)


def test_temporal_file(published_unet):
    official = temporal_part(published_unet)
    file = temporal_of(TensorFile(official, {}), "temporal_v1.pth")
    assert file.report.summary() == "510 loaded, 0 missing, 0 unexpected, 0 of wrong shape, 0 ignored"
    assert millions(file.tensors) == pytest.approx(278.6, abs=0.05)
    assert file.blocks == base(published_unet).unet_spec.temporal_blocks
    first, second, middle = file.blocks[0], file.blocks[1], file.blocks[7]
    assert (first.num_heads, first.head_dim, first.channels, first.convolves) == (8, 64, 320, True)
    assert (second.num_heads, second.head_dim, second.channels, second.convolves) == (5, 64, 320, False)
    assert (middle.num_heads, middle.max_distance) == (20, 16)
    assert shapes(file.tensors) == expected_temporal_shapes(file.blocks)
    nested = temporal_to_official(file.blocks, file.tensors)
    assert {f"{b}.{n}": tuple(t.shape) for b, part in nested.items() for n, t in part.items()} == shapes(
        official
    )


def changed(tensors, **shapes_by_name):
    copy = dict(tensors)
    for name, shape in shapes_by_name.items():
        copy.pop(name) if shape is None else copy.update({name: torch.empty(shape, device="meta")})
    return copy


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scale_predictor.ln1.bias": None}, "1 missing: scale_predictor.ln1.bias"),
        ({"surplus": (1,)}, "1 unexpected: surplus"),
        ({"scale_predictor.ln1.bias": (3,)}, "scale_predictor.ln1.bias is [3], expected [1024]"),
        ({"image_context_model.proj": None}, "image_context_model.proj is missing"),
        ({"image_context_model.proj": (5,)}, "image_context_model.proj of shape [5]"),
        ({"image_context_model.style_emb": (1, 8, 1284)}, "1284 wide"),
        ({"scale_predictor.scale_emb": (1, 15, 1024)}, "15 gains for 16 cross-attentions"),
        ({"image_context_model.proj": (1280, 768)}, "style tokens 768 wide"),
    ],
)
def test_adapters_that_are_not_whole(published_video_adapter, changes, words):
    with pytest.raises(WeightFileError) as caught:
        adapter(changed(published_video_adapter, **changes))
    assert words in str(caught.value)
    assert "adapter.pth" in str(caught.value)


def test_a_head_count_that_does_not_divide_names_both(published_sdxl_adapter):
    with pytest.raises(WeightFileError, match=r"1284 wide\n.*20 heads"):
        adapter(changed(published_sdxl_adapter, **{"image_context_model.query_emb": (1, 16, 1284)}))


def test_a_numbering_without_self_attention_slots_is_refused(published_sdxl_adapter):
    renumbered = {
        name.replace("kv_attn_layers.139.", "kv_attn_layers.140."): tensor
        for name, tensor in published_sdxl_adapter.items()
    }
    with pytest.raises(WeightFileError, match=r"kv_attn_layers\.139\.to_k_style\.weight is missing"):
        adapter(renumbered)


def test_an_adapter_without_norms(published_video_adapter):
    bare = {name: t for name, t in published_video_adapter.items() if ".norm_style." not in name}
    file = adapter(bare)
    assert not file.spec.normalises_style
    assert len(file.report.loaded) == 139 - 2 * 16
    assert shapes(adapter_to_official(file.spec, file.tensors)) == shapes(bare)


def test_a_video_adapter_of_unknown_places_has_no_published_form(published_video_adapter):
    file = adapter(published_video_adapter)
    with pytest.raises(MismatchError, match="published video format"):
        adapter_to_official(replace(file.spec, sites=None), file.tensors)


TABLE = "transformer_blocks.0.attn1.relative_position_k.embeddings_table"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"middle_block.2.norm.bias": None}, "1 missing: middle_block.2.norm.bias"),
        ({"middle_block.2.extra": (1,)}, "1 unexpected: middle_block.2.extra"),
        ({f"middle_block.2.{TABLE}": (33, 60)}, "middle_block.2 is 1280 wide with heads 60 wide"),
        ({f"middle_block.2.{TABLE}": (32, 64)}, "middle_block.2 has 32 relative positions"),
        ({f"init_attn.0.{TABLE}": (33, 32)}, "init_attn.0 has 16 heads"),
        ({f"somewhere.0.{TABLE}": (33, 64)}, "a temporal transformer at somewhere.0"),
        ({"middle_block.2.proj_in.weight": None}, "middle_block.2.proj_in.weight is missing"),
    ],
)
def test_temporal_files_that_are_not_whole(published_unet, changes, words):
    with pytest.raises(WeightFileError) as caught:
        temporal_of(TensorFile(changed(temporal_part(published_unet), **changes), {}), "temporal.pth")
    assert words in str(caught.value)
    assert "temporal.pth" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"out.2.weight": None}, "out.2.weight is missing"),
        ({"input_blocks.4.0.out_layers.3.weight": None}, "input_blocks.4.0.out_layers.3.weight is missing"),
        ({"middle_block.2.norm.bias": None}, "1 missing: middle_block.2.norm.bias"),
        ({f"middle_block.2.{TABLE}": (33, 32)}, "heads 32 wide"),
    ],
)
def test_bases_that_are_not_whole(published_unet, changes, words):
    with pytest.raises(WeightFileError) as caught:
        base(changed(published_unet, **changes))
    assert words in str(caught.value)
    assert "model.ckpt" in str(caught.value)


def test_a_base_without_text_attention(published_unet):
    unet = {name: t for name, t in published_unet.items() if ".1.transformer_blocks" not in name}
    with pytest.raises(WeightFileError, match="no text cross-attention"):
        base(unet)
