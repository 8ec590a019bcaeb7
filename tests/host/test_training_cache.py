"""Latents and text states computed once: the same numbers, no encoder at work in the steps."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from training_materials import ROOT, tiny_overrides

HALF = 2**-10  # rounding of float16, relative
pytestmark = pytest.mark.usefixtures("in_process")


class Counted:
    """Calls of the encoders of a base."""

    def __init__(self, patch: pytest.MonkeyPatch, core: Callable[[str], Any]):
        self.calls = {"encode_pixels": 0, "encode_text": 0}
        base = core("training.host.frozen_base").FrozenBase
        for name in self.calls:
            patch.setattr(base, name, self._counting(name, getattr(base, name)))

    def _counting(self, name: str, encode: Callable) -> Callable:
        def run(*args: Any) -> Any:
            self.calls[name] += 1
            return encode(*args)

        return run


@pytest.fixture
def counted(core: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch, core)


@pytest.fixture
def fill(core: Callable[[str], Any]) -> Callable[[Any], str]:
    return lambda config: core("training.fill_cache").fill_cache(config, cpu=True)


@pytest.fixture
def set_up(core: Callable[[str], Any]) -> Callable[..., Any]:
    """`set_up(stage, config) -> Setup`."""

    def made(stage: str, config: Any) -> Any:
        engine = core("training.engine").make_engine(config.engine, True)
        return core("training.setup").set_up(core("training.stages").stage_of(stage, config), config, engine)

    return made


def first_pass(setup: Any) -> Any:
    return setup.pass_maker.make(next(iter(setup.loader(0))))


def test_a_pass_reads_the_same_with_and_without_the_cache(
    tiny_config: Callable, tmp_path: Path, fill: Callable, set_up: Callable, counted: Counted
) -> None:
    cached = tiny_config("style", f"data.cache={tmp_path / 'cache'}", "objective.drop_text=0.5")
    said = fill(cached)
    assert "12 pictures and clips, 12 of them new" in said
    assert "13 captions, 13 of them new" in said  # the empty one too
    plain = first_pass(set_up("style", tiny_config("style", "objective.drop_text=0.5")))
    setup = set_up("style", cached)
    counted.calls.update(encode_pixels=0, encode_text=0)
    quick = first_pass(setup)
    assert counted.calls == {"encode_pixels": 0, "encode_text": 0}
    for name in ("noisy", "text"):
        a, b = getattr(plain.inputs, name), getattr(quick.inputs, name)
        assert a.dtype == b.dtype == torch.float32
        assert not torch.equal(a, b), "float16 rounds: else the cache was not read"
        torch.testing.assert_close(a, b, rtol=HALF, atol=HALF * a.abs().max().item())
    for name in ("timesteps", "clip_tokens", "keeps_style"):
        assert torch.equal(getattr(plain.inputs, name), getattr(quick.inputs, name))
    assert torch.equal(plain.target, quick.target)


def test_videos_with_room_for_several_clips_read_their_captions_alone_from_the_cache(
    tiny_config: Callable, tmp_path: Path, fill: Callable, set_up: Callable, counted: Counted
) -> None:
    config = tiny_config("temporal", f"data.cache={tmp_path / 'cache'}")
    assert "12 pictures and clips" in fill(config)
    setup = set_up("temporal", config)
    counted.calls.update(encode_pixels=0, encode_text=0)
    made = first_pass(setup)
    assert made.inputs.num_frames == 4
    assert counted.calls == {"encode_pixels": 1, "encode_text": 0}


def test_a_clip_reads_the_same_with_and_without_the_cache(
    tiny_config: Callable, tmp_path: Path, fill: Callable, set_up: Callable, counted: Counted
) -> None:
    """Each video has 10 frames and is one clip of as many."""
    whole = ("data.frames=10", "data.image_share=0")
    cached = tiny_config("temporal", f"data.cache={tmp_path / 'cache'}", *whole)
    assert "24 pictures and clips, 24 of them new" in fill(cached)
    plain = first_pass(set_up("temporal", tiny_config("temporal", *whole)))
    setup = set_up("temporal", cached)
    counted.calls.update(encode_pixels=0, encode_text=0)
    quick = first_pass(setup)
    assert counted.calls == {"encode_pixels": 0, "encode_text": 0}
    a, b = plain.inputs.noisy, quick.inputs.noisy
    assert not torch.equal(a, b), "float16 rounds: else the cache was not read"
    torch.testing.assert_close(a, b, rtol=HALF, atol=HALF * a.abs().max().item())
    assert torch.equal(plain.inputs.clip_tokens, quick.inputs.clip_tokens)


def test_a_second_time_computes_nothing(
    tiny_config: Callable, tmp_path: Path, fill: Callable, counted: Counted
) -> None:
    config = tiny_config("style", f"data.cache={tmp_path / 'cache'}")
    fill(config)
    before = {file: file.read_bytes() for file in (tmp_path / "cache").iterdir()}
    counted.calls.update(encode_pixels=0, encode_text=0)
    said = fill(config)
    assert "12 pictures and clips, 0 of them new" in said
    assert "13 captions, 0 of them new" in said
    assert counted.calls == {"encode_pixels": 0, "encode_text": 0}
    assert {file: file.read_bytes() for file in (tmp_path / "cache").iterdir()} == before


def test_a_cache_that_was_cut_off_goes_on(
    core: Callable, tiny_config: Callable, tmp_path: Path, fill: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after 8 of 12 pictures, while the next file was being written."""
    monkeypatch.setattr(core("training.fill_cache"), "ENTRIES_PER_FILE", 4)
    config, folder = tiny_config("style", f"data.cache={tmp_path / 'cache'}"), tmp_path / "cache"
    base = core("training.host.frozen_base").FrozenBase
    encode, done = base.encode_pixels, []

    def killed_later(self: Any, pixels: torch.Tensor) -> torch.Tensor:
        done.append(1)
        if len(done) == 10:
            (folder / ".latents-00002.safetensors.0a1b2c3d.partial").write_bytes(b"half a file")
            raise MemoryError("killed")
        return encode(self, pixels)

    with monkeypatch.context() as patch:
        patch.setattr(base, "encode_pixels", killed_later)
        with pytest.raises(MemoryError):
            fill(config)
    assert len(core("training.data.cache").LatentCache(folder)) == 8
    assert "12 pictures and clips, 4 of them new" in fill(config)
    assert len(core("training.data.cache").LatentCache(folder)) == 12
    assert not list(folder.glob(".*.partial"))


def test_a_broken_picture_is_named_and_left_out(
    tiny_config: Callable, tiny_materials: Path, tmp_path: Path, fill: Callable
) -> None:
    manifest = tmp_path / "pictures.jsonl"
    lines = (tiny_materials / "pictures.jsonl").read_text().splitlines()
    root = lines[0].replace('"pictures"', f'"{tiny_materials / "pictures"}"')
    manifest.write_text(
        "\n".join(
            [root, *lines[1:], lines[1].replace("00.png", "gone.png").replace('"sha256": "7', '"sha256": "f')]
        )
    )
    said = fill(tiny_config("style", f"data.manifests=['{manifest}']", f"data.cache={tmp_path / 'cache'}"))
    assert "13 pictures and clips, 12 of them new" in said
    gone = tiny_materials / "pictures" / "gone.png"
    assert f"left out: {gone}: {gone} is not what the manifest says. No such file" in said


def test_a_cache_of_another_base_is_refused(
    core: Callable, tiny_config: Callable, tmp_path: Path, fill: Callable, set_up: Callable
) -> None:
    config = tiny_config("style", f"data.cache={tmp_path / 'cache'}")
    fill(config)
    from safetensors.torch import load_file, save_file

    tensors = load_file(config.base.checkpoint)
    tensors["first_stage_model.taesd_encoder.0.bias"] += 1
    save_file(tensors, tmp_path / "other.safetensors")
    other = tiny_config(
        "style", f"data.cache={tmp_path / 'cache'}", f"base.checkpoint={tmp_path / 'other.safetensors'}"
    )
    refused = core("errors").InputError
    for use in (lambda: fill(other), lambda: set_up("style", other)):
        with pytest.raises(refused, match="was made with another base") as caught:
            use()
        assert "make a cache for this base in another folder" in str(caught.value)


def test_a_folder_that_is_no_cache_is_refused_by_a_run(
    core: Callable, tiny_config: Callable, tmp_path: Path, set_up: Callable
) -> None:
    with pytest.raises(core("errors").InputError, match=r"run `train\.py cache` with this config first"):
        set_up("style", tiny_config("style", f"data.cache={tmp_path}"))


def test_a_cache_needs_a_folder(core: Callable, tiny_config: Callable, fill: Callable) -> None:
    with pytest.raises(core("errors").InputError, match=r"--set data\.cache=FOLDER"):
        fill(tiny_config("style"))


def test_more_captions_than_fit_leave_the_first_ones_in_memory(
    core: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was dropped before is what comes next, where captions come round again and again."""
    passes = core("training.passes")
    asked: list[str] = []

    class Base:
        def encode_text(self, caption: str) -> tuple[torch.Tensor, None]:
            asked.append(caption)
            return torch.zeros(1, 2, 8), None

    monkeypatch.setattr(passes, "KEPT_BYTES", 3 * 2 * 8 * 4)
    texts = passes.TextStates(Base(), None)
    for _ in range(2):
        for caption in "abcde":
            texts.of([caption])
    assert asked == [*"abcde", *"de"]


@pytest.mark.launched
def test_the_command_decodes_in_processes_that_need_no_host(
    host: Any, tiny_materials: Path, tmp_path: Path
) -> None:
    overrides = [*tiny_overrides(tiny_materials, tmp_path / "run", "style"), "data.workers=1"]
    overrides.append(f"data.cache={tmp_path / 'cache'}")
    command = [sys.executable, str(ROOT / "train.py"), "cache"]
    command += ["--config", str(ROOT / "configs" / "tiny_style.yaml")]
    command += [part for override in overrides for part in ("--set", override)]
    environment = {**os.environ, "COMFYUI_PATH": str(host.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "12 pictures and clips, 12 of them new" in done.stdout
