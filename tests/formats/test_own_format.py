"""StyleCrafter's own files: the same comes back, whole or not at all, and newer ones are refused in words."""

import json
import os
from dataclasses import asdict, replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from stylecrafter_core.errors import InputError, WeightFileError
from stylecrafter_core.formats import (
    expected_adapter_shapes,
    own,
    read_adapter,
    read_temporal,
    read_tensors,
    save_adapter,
    save_temporal,
)


@pytest.fixture(params=["video_a/adapter.pth", "sdxl_a/adapter.ckpt"])
def adapter(request, golden):
    return read_adapter(golden / request.param)


@pytest.fixture
def temporal(golden):
    return read_temporal(golden / "video_a" / "temporal.pth")


def header_of(path):
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def with_header(path, adapter, **changes):
    header = {"format": "stylecrafter", "version": "1", "kind": "adapter"}
    header |= {"spec": json.dumps(adapter.spec.to_dict()), **changes}
    save_file(adapter.tensors, path, metadata={k: v for k, v in header.items() if v is not None})
    return path


def test_adapter_comes_back(adapter, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_adapter(path, adapter.spec, adapter.tensors, {"step": "400"})
    again = read_adapter(path)
    assert again.spec == adapter.spec
    assert all(torch.equal(again.tensors[name], adapter.tensors[name]) for name in adapter.tensors)
    assert again.report.complete
    assert set(again.report.loaded) == set(expected_adapter_shapes(adapter.spec))
    header = header_of(path)
    assert (header["format"], header["version"], header["kind"]) == ("stylecrafter", "1", "adapter")
    assert header["step"] == "400"
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.safetensors"]


def test_temporal_comes_back(temporal, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_temporal(path, temporal.blocks, temporal.tensors)
    again = read_temporal(path)
    assert again.blocks == temporal.blocks
    assert all(torch.equal(again.tensors[name], temporal.tensors[name]) for name in temporal.tensors)
    assert header_of(path)["kind"] == "temporal"


def test_others_may_read_it_where_the_users_umask_lets_them(adapter, tmp_path):
    path, plain = tmp_path / "a.safetensors", tmp_path / "plain"
    save_adapter(path, adapter.spec, adapter.tensors)
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_the_header_is_in_order_so_the_same_content_gives_the_same_bytes(adapter, tmp_path):
    more = {name: name for name in "hgfedcba"}
    save_adapter(tmp_path / "one", adapter.spec, adapter.tensors, more)
    save_adapter(tmp_path / "two", adapter.spec, adapter.tensors, more)
    one = (tmp_path / "one").read_bytes()
    assert one == (tmp_path / "two").read_bytes()
    names = list(json.loads(one[8 : 8 + int.from_bytes(one[:8], "little")])["__metadata__"])
    assert names == sorted(names)


def test_the_bytes_are_on_the_disk_before_the_file_has_its_name(adapter, tmp_path, monkeypatch):
    done = []
    flush, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (done.append(os.fstat(number).st_ino), flush(number)))
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("named"), rename(*names)))
    save_adapter(tmp_path / "mine", adapter.spec, adapter.tensors)
    assert done == [(tmp_path / "mine").stat().st_ino, "named"]


def test_other_head_counts_than_the_published_are_kept(adapter, tmp_path):
    spec = replace(adapter.spec, style_transformer=replace(adapter.spec.style_transformer, num_heads=5))
    save_adapter(tmp_path / "a.safetensors", spec, adapter.tensors)
    assert read_adapter(tmp_path / "a.safetensors").spec.style_transformer.num_heads == 5


def test_incomplete_tensors_are_not_saved(adapter, tmp_path):
    tensors = dict(adapter.tensors)
    del tensors["scale_predictor.head.2.bias"]
    with pytest.raises(WeightFileError, match=r"1 missing: scale_predictor\.head\.2\.bias"):
        save_adapter(tmp_path / "a.safetensors", adapter.spec, tensors)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file_and_nothing_else(adapter, tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    save_adapter(path, adapter.spec, adapter.tensors)
    before = path.read_bytes()

    def half_written(tensors, target, metadata):
        target.write_bytes(before[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(own, "save_file", half_written)
    with pytest.raises(WeightFileError) as caught:
        save_adapter(path, adapter.spec, {n: t + 1 for n, t in adapter.tensors.items()})
    assert str(path) in caught.value.what
    assert "No space left on device" in caught.value.found
    assert "bytes" in caught.value.expected
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_crash_while_writing_leaves_nothing(adapter, tmp_path, monkeypatch):
    def interrupted(tensors, target, metadata):
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(own, "save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_adapter(tmp_path / "a.safetensors", adapter.spec, adapter.tensors)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_made(adapter, tmp_path):
    save_adapter(tmp_path / "new" / "a.safetensors", adapter.spec, adapter.tensors)
    assert read_adapter(tmp_path / "new" / "a.safetensors").spec == adapter.spec


def test_a_folder_that_cannot_be_made(adapter, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(WeightFileError, match=r"could not be written"):
        save_adapter(tmp_path / "file" / "a.safetensors", adapter.spec, adapter.tensors)


def test_reserved_metadata_is_refused(adapter, tmp_path):
    with pytest.raises(InputError, match="reserved names"):
        save_adapter(tmp_path / "a.safetensors", adapter.spec, adapter.tensors, {"spec": "{}"})


def test_replacing_the_file_that_the_tensors_come_from(adapter, tmp_path):
    path = tmp_path / "a.safetensors"
    save_adapter(path, adapter.spec, adapter.tensors)
    mapped = read_tensors(path).tensors
    save_adapter(path, adapter.spec, mapped)
    assert all(torch.equal(t, adapter.tensors[name]) for name, t in read_adapter(path).tensors.items())


def test_a_newer_version_is_refused_in_words(adapter, tmp_path):
    path = with_header(tmp_path / "a.safetensors", adapter, version="2")
    with pytest.raises(WeightFileError) as caught:
        read_adapter(path)
    assert "newer StyleCrafter" in caught.value.what
    assert "version 2" in caught.value.found
    assert "update StyleCrafter" in caught.value.fix


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "one"}, "version 'one'"),
        ({"version": None}, "version ''"),
        ({"spec": None}, "no readable spec"),
        ({"spec": "{"}, "no readable spec"),
        ({"spec": "[]"}, "a spec that is no adapter's"),
        ({"spec": "{}"}, "a spec that is no adapter's"),
        ({"kind": "vae"}, "kind 'vae'"),
        ({"kind": "temporal"}, "a spec that is no list of temporal transformers"),
    ],
)
def test_damaged_headers(adapter, tmp_path, changes, words):
    path = with_header(tmp_path / "a.safetensors", adapter, **changes)
    with pytest.raises(WeightFileError) as caught:
        (read_temporal if changes.get("kind") == "temporal" else read_adapter)(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("part", "name", "value", "words"),
    [
        (None, "family", "opera", "family 'opera'"),
        (None, "context_dim", "wide", "context_dim wide"),
        (None, "site_channels", [8], "gains for 1 cross-attentions"),
        (None, "context_dim", 10**4000, "context_dim 1000"),
        (None, "context_dim", 160.0, "context_dim 160.0"),
        (None, "normalises_style", 1, "normalises_style is a int"),
        (None, "sites", "none", "a spec that is no adapter's"),
        (None, "has_null", True, "a null style beside style values without a bias"),
        ("style_transformer", "depth", 10**6, "depth 1000000"),
        ("style_transformer", "num_heads", 0, "num_heads 0"),
        ("style_transformer", "num_heads", 7, "7 heads"),
        ("style_transformer", "num_heads", "many", "a spec that is no adapter's"),
    ],
)
def test_headers_that_contradict_themselves(adapter, tmp_path, part, name, value, words):
    spec = json.loads(json.dumps(adapter.spec.to_dict()))
    (spec[part] if part else spec)[name] = value
    path = with_header(tmp_path / "a.safetensors", adapter, spec=json.dumps(spec))
    with pytest.raises(WeightFileError) as caught:
        read_adapter(path)
    assert words in str(caught.value)


def test_tensors_that_do_not_fit_the_header(adapter, tmp_path):
    spec = replace(adapter.spec, scale_predictor=replace(adapter.spec.scale_predictor, hidden_dim=5))
    path = with_header(tmp_path / "a.safetensors", adapter, spec=json.dumps(spec.to_dict()))
    with pytest.raises(WeightFileError, match=r"of wrong shape: scale_predictor\.head\.0\.weight is"):
        read_adapter(path)


def test_temporal_sizes_that_no_network_has(temporal, tmp_path):
    odd = replace(temporal.blocks[0], channels=40)  # a norm of 32 groups stands over them
    header = {"format": "stylecrafter", "version": "1", "kind": "temporal"}
    header["spec"] = json.dumps([asdict(odd)])
    save_file({"x": torch.zeros(1)}, tmp_path / "odd", metadata=header)
    with pytest.raises(WeightFileError, match="odd is for a network that cannot be built"):
        read_temporal(tmp_path / "odd")


def test_more_sites_than_any_network_has(adapter, tmp_path):
    scale = replace(adapter.spec.scale_predictor, num_queries=1001)
    many = replace(adapter.spec, site_channels=(8,) * 1001, sites=None, scale_predictor=scale)
    with_header(tmp_path / "many", adapter, spec=json.dumps(many.to_dict()))
    with pytest.raises(WeightFileError, match="1001 cross-attentions"):
        read_adapter(tmp_path / "many")
