"""Latents and text states on disk."""

import json

import pytest
import torch
from config_samples import named_item
from safetensors import SafetensorError
from safetensors.torch import save_file

from stylecrafter_core.errors import InputError, WeightFileError
from stylecrafter_core.training.data import cache as cache_module
from stylecrafter_core.training.data.cache import (
    LatentCache,
    TensorStore,
    TextCache,
    check_owner,
    claim,
    fingerprint_of,
)

OWNER = {"vae": "0123", "text": "4567"}


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_what_was_added_is_found_by_a_later_process(tmp_path):
    folder = tmp_path / "deep" / "cache"
    store = TensorStore(folder, "latents")
    first, second = torch.randn(2, 3), torch.randn(4).half()
    store.add({"a": first})
    store.add({"b": second})
    assert names(folder) == ["latents-00000.safetensors", "latents-00001.safetensors"]
    later = TensorStore(folder, "latents")
    for each in (store, later):
        assert len(each) == 2
        assert "a" in each
        assert "c" not in each
        assert torch.equal(each.get("a"), first)
        assert torch.equal(each.get("b"), second)
        assert each.get("b").dtype == torch.float16
        assert each.get("c") is None


def test_a_store_that_goes_on_keeps_what_is_there(tmp_path):
    TensorStore(tmp_path, "latents").add({"a": torch.zeros(1)})
    before = (tmp_path / "latents-00000.safetensors").read_bytes()
    later = TensorStore(tmp_path, "latents")
    later.add({"b": torch.ones(1)})
    assert (tmp_path / "latents-00000.safetensors").read_bytes() == before
    assert len(TensorStore(tmp_path, "latents")) == 2


def test_a_number_that_became_free_is_taken_again(tmp_path):
    store = TensorStore(tmp_path, "latents")
    for name in "abc":
        store.add({name: torch.zeros(1)})
    (tmp_path / "latents-00001.safetensors").unlink()
    later = TensorStore(tmp_path, "latents")
    assert len(later) == 2
    later.add({"b": torch.ones(1)})
    assert names(tmp_path) == [f"latents-0000{number}.safetensors" for number in range(3)]


def test_kinds_do_not_mix(tmp_path):
    TensorStore(tmp_path, "text").add({"a": torch.zeros(1)})
    assert len(TensorStore(tmp_path, "pooled")) == 0


@pytest.mark.parametrize(
    "problem",
    [OSError(28, "No space left on device"), SafetensorError("I/O error: No space left on device")],
    ids=["OSError", "SafetensorError"],
)
def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch, problem):
    store = TensorStore(tmp_path, "latents")
    store.add({"a": torch.zeros(1)})

    def half(tensors, file):
        file.write_bytes(b"half")
        raise problem

    monkeypatch.setattr(cache_module, "save_file", half)
    with pytest.raises(WeightFileError, match="No space left") as caught:
        store.add({"b": torch.zeros(10)})
    assert "latents-00001.safetensors cannot be written" in caught.value.what
    assert "40 bytes" in caught.value.expected
    assert "goes on where it stopped" in caught.value.fix
    assert names(tmp_path) == ["latents-00000.safetensors"]
    assert "b" not in store


def test_what_a_killed_process_left_is_no_entry_and_in_nobodys_way(tmp_path):
    (tmp_path / ".latents-00000.safetensors.0a1b2c3d.partial").write_bytes(b"half")
    store = TensorStore(tmp_path, "latents")
    assert len(store) == 0
    store.add({"a": torch.ones(1)})
    claim(tmp_path, {"vae": "a", "text": "b"})
    assert names(tmp_path) == ["cache.json", "latents-00000.safetensors"]


def test_a_damaged_file_is_named(tmp_path):
    save_file({"a": torch.zeros(100)}, tmp_path / "latents-00000.safetensors")
    whole = (tmp_path / "latents-00000.safetensors").read_bytes()
    (tmp_path / "latents-00000.safetensors").write_bytes(whole[:-10])
    with pytest.raises(WeightFileError, match=r"latents-00000\.safetensors cannot be read") as caught:
        LatentCache(tmp_path)
    assert "delete it" in caught.value.fix


def test_latents_belong_to_the_bytes_of_a_picture_and_a_size(tmp_path):
    cache = LatentCache(tmp_path)
    item = named_item("a.png")
    cache.add({cache.name(item, (64, 48)): torch.ones(1, 4, 6, 8).half()})
    assert cache.get(cache.name(item, (64, 48))).shape == (1, 4, 6, 8)
    assert cache.name(named_item("renamed.png", sha256=item.sha256), (64, 48)) in cache
    assert cache.name(item, (48, 64)) not in cache
    assert cache.name(named_item("b.png"), (64, 48)) not in cache
    assert cache.name_of_clip(item, (64, 48), 4, 1) not in cache


def test_text_comes_back_as_float32(tmp_path):
    cache = TextCache(tmp_path)
    name = cache.name("a fox")
    tokens, pooled = torch.randn(1, 77, 8).half(), torch.randn(1, 8)
    cache.pooled.add({name: pooled})
    cache.tokens.add({name: tokens})
    found_tokens, found_pooled = TextCache(tmp_path).of("a fox")
    assert (found_tokens.dtype, found_pooled.dtype) == (torch.float32, torch.float32)
    assert torch.equal(found_tokens, tokens.float())
    assert torch.equal(found_pooled, pooled)
    assert cache.of("a Fox") is None


def test_a_base_without_pooled_text(tmp_path):
    cache = TextCache(tmp_path)
    cache.tokens.add({cache.name(""): torch.zeros(1, 77, 8).half()})
    tokens, pooled = cache.of("")
    assert tokens.shape == (1, 77, 8)
    assert pooled is None


def test_a_folder_is_claimed_once(tmp_path):
    folder = tmp_path / "cache"
    claim(folder, OWNER)
    claim(folder, OWNER)
    check_owner(folder, OWNER)
    assert names(folder) == ["cache.json"]
    assert json.loads((folder / "cache.json").read_text()) == OWNER


def test_another_base_is_refused_by_name(tmp_path):
    claim(tmp_path, OWNER)
    for check in (claim, check_owner):
        with pytest.raises(InputError, match="made with another base") as caught:
            check(tmp_path, OWNER | {"vae": "89ab"})
        assert "0123" in caught.value.found
        assert "89ab" in caught.value.expected
        assert "another folder" in caught.value.fix
    assert json.loads((tmp_path / "cache.json").read_text()) == OWNER


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff", pytest.param(b"[" * 100_000, id="deep")])
def test_what_is_no_cache(tmp_path, content):
    if content is not None:
        (tmp_path / "cache.json").write_bytes(content)
    with pytest.raises(InputError, match="is not a cache") as caught:
        check_owner(tmp_path, OWNER)
    assert "train.py cache" in caught.value.fix


def test_a_fingerprint_is_of_names_and_values(tmp_path):
    tensors = {"b": torch.arange(6.0).view(2, 3), "a": torch.ones((), dtype=torch.bfloat16)}
    known = fingerprint_of(tensors)
    assert known == fingerprint_of(dict(reversed(tensors.items())))
    assert known == fingerprint_of(
        tensors | {"b": torch.arange(6.0).view(3, 2).T.contiguous().T.reshape(2, 3)}
    )
    assert len(known) == 16
    others = [
        tensors | {"b": torch.arange(6.0).view(2, 3) + 1e-6},
        tensors | {"a": torch.ones((), dtype=torch.float16)},
        {"c" if name == "b" else name: tensor for name, tensor in tensors.items()},
        {"b": tensors["b"]},
    ]
    assert len({known, *map(fingerprint_of, others)}) == 5
