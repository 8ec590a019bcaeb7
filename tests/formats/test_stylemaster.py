"""The published Wan adapter: every key of the file at full size, the small recorded file there and back."""

import json

import psutil
import pytest
import torch

from stylecrafter_core.errors import MismatchError, WeightFileError
from stylecrafter_core.formats import (
    TensorFile,
    adapter_to_official,
    read_adapter,
    read_tensors,
    save_adapter,
)
from stylecrafter_core.formats.readers import adapter_of


@pytest.fixture(scope="module")
def published(pytestconfig):
    path = pytestconfig.rootpath / "tests" / "golden" / "official_wan_style_keys.json"
    return json.loads(path.read_text())["stylemaster.ckpt"]


def empty(shapes):
    return {name: torch.empty(shape, dtype=torch.bfloat16, device="meta") for name, shape in shapes.items()}


def test_the_whole_published_file(published):
    file = adapter_of(
        TensorFile(empty({**published["base"], **published["adapter"]}), {}), "stylemaster.ckpt"
    )
    counts = published["counts"]
    assert len(file.tensors) == len(file.report.loaded) == counts["tensors_adapter"]
    assert len(file.report.ignored) == counts["tensors_base"]
    assert sum(tensor.numel() for tensor in file.tensors.values()) == counts["params_adapter"]
    spec = file.spec
    assert (spec.context_dim, spec.text_dim, spec.num_tokens) == (4096, 4096, 16)
    assert spec.site_channels == (1536,) * 30
    assert (spec.style_transformer.width, spec.style_transformer.depth) == (1280, 3)
    assert spec.embed_tokens.input_dim == 1024


def test_the_adapter_alone(published):
    alone = adapter_of(TensorFile(empty(published["adapter"]), {}), "stylemaster.safetensors")
    assert alone.report.ignored == ()
    back = adapter_to_official(alone.spec, alone.tensors)
    assert {name: list(tensor.shape) for name, tensor in back.items()} == published["adapter"]


def test_wans_image_branch_is_no_style_adapter(published):
    shapes = {**published["base"], "blocks.0.cross_attn.k_img.weight": [1536, 1536]}
    with pytest.raises(WeightFileError, match="Wan model without a style adapter"):
        adapter_of(TensorFile(empty(shapes), {}), "wan_i2v.safetensors")


@pytest.mark.parametrize("lost", ["style_model.ln2.bias", "blocks.7.cross_attn.v_img.bias"])
def test_a_missing_tensor_is_named(published, lost):
    shapes = {name: shape for name, shape in published["adapter"].items() if name != lost}
    with pytest.raises(WeightFileError, match=lost):
        adapter_of(TensorFile(empty(shapes), {}), "stylemaster.ckpt")


def test_the_wan_model_in_the_file_is_not_read(golden, tmp_path):
    """134 MB of it stay on the disk: as many pages would be in this process's memory."""
    weights = torch.load(golden / "wan_a" / "stylemaster.ckpt", weights_only=True)
    torch.save({**weights, "blocks.0.ffn.0.weight": torch.ones(32, 1024, 1024)}, tmp_path / "large.ckpt")
    process = psutil.Process()
    before = process.memory_info().rss
    whole = read_tensors(tmp_path / "large.ckpt")
    file = adapter_of(whole, "large.ckpt")
    assert process.memory_info().rss - before < 67_000_000
    assert "blocks.0.ffn.0.weight" in file.report.ignored


def test_a_truncated_file(golden, tmp_path):
    path = tmp_path / "stylemaster.ckpt"
    path.write_bytes((golden / "wan_a" / "stylemaster.ckpt").read_bytes()[:1_000_000])
    with pytest.raises(WeightFileError, match="cut off"):
        read_adapter(path)


def test_there_and_back(golden, tmp_path):
    file = read_adapter(golden / "wan_a" / "stylemaster.ckpt")
    save_adapter(tmp_path / "own.safetensors", file.spec, file.tensors)
    own = read_adapter(tmp_path / "own.safetensors")
    assert own.spec == file.spec
    back = adapter_to_official(own.spec, own.tensors)
    published = torch.load(golden / "wan_a" / "stylemaster.ckpt", weights_only=True)
    assert all(torch.equal(tensor, published[name]) for name, tensor in back.items())
    assert published.keys() - back.keys() == set(file.report.ignored)


def test_another_build_has_no_published_form(golden):
    from dataclasses import replace

    file = read_adapter(golden / "wan_a" / "stylemaster.ckpt")
    with pytest.raises(MismatchError, match="published StyleMaster format"):
        adapter_to_official(replace(file.spec, embed_tokens=None), file.tensors)
