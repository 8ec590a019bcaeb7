"""What can be known before a run: data, fit, schedule, one step, room; and nothing stays behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from training_materials import ROOT, tiny_overrides

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def dry_run(core: Callable[[str], Any]) -> Callable[..., str]:
    return lambda stage, config: core("training.preflight").dry_run(stage, config, cpu=True)


@pytest.fixture
def preflight(core: Callable[[str], Any]) -> Callable[..., Any]:
    return lambda stage, config: core("training.preflight").preflight(stage, config, cpu=True)


@pytest.fixture
def own_manifest(tiny_materials: Path, tmp_path: Path) -> Callable[..., Path]:
    """`own_manifest(kind, rows=None)`: files and manifest, free to be damaged; the first rows only."""

    def copied(kind: str, rows: int | None = None) -> Path:
        shutil.copytree(tiny_materials / kind, tmp_path / kind)
        lines = (tiny_materials / f"{kind}.jsonl").read_text().splitlines()
        path = tmp_path / f"{kind}.jsonl"
        path.write_text("\n".join(lines if rows is None else lines[: rows + 1]))
        return path

    return copied


def section(text: str, title: str) -> str:
    """One section of the report."""
    found = re.search(rf"^{title}[^\n]*\n(?:  [^\n]*\n?)*", text, re.MULTILINE)
    assert found is not None, text
    return found[0]


def test_a_dry_run_tries_both_kinds_and_writes_nothing(
    tiny_config: Callable, tmp_path: Path, dry_run: Callable
) -> None:
    said = dry_run("temporal", tiny_config("temporal"))
    assert re.search(r"forward and backward on images: loss \d+\.\d{4}", said)
    assert re.search(r"forward and backward on videos: loss \d+\.\d{4}", said)
    assert "nothing was written" in said
    assert f"{tmp_path / 'run'} is free" in said
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_takes_no_step(
    core: Callable, tiny_config: Callable, dry_run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, unet = [], core("training.loop").Training
    made = unet.__init__

    def remembered(self: Any, *args: Any) -> None:
        made(self, *args)
        seen.append((self, {name: weight.detach().clone() for name, weight in self.trained.items()}))

    monkeypatch.setattr(unet, "__init__", remembered)
    dry_run("style", tiny_config("style"))
    [(training, before)] = seen
    assert all(torch.equal(weight, before[name]) for name, weight in training.trained.items())
    assert all(weight.grad is None for weight in training.trained.values())
    assert not training.engine.optimiser.state


def test_a_dry_run_says_when_the_folder_is_taken(
    tiny_config: Callable, tmp_path: Path, dry_run: Callable
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").touch()
    assert "holds other things: nothing is overwritten" in dry_run("style", tiny_config("style"))


def test_without_a_temporal_stage_nothing_is_tried(tiny_config: Callable, dry_run: Callable) -> None:
    assert "nothing is trained" in dry_run("temporal", tiny_config("temporal", "method.temporal_stage=false"))


def test_preflight_passes_and_leaves_nothing(
    tiny_config: Callable, tmp_path: Path, preflight: Callable
) -> None:
    report = preflight(
        "temporal",
        tiny_config(
            "temporal",
            "run.steps=23",
            "run.checkpoint_every=10",
            "optimiser.ema=0.9",
            "samples.prompts=[a disc]",
        ),
    )
    assert report.passed, report.text
    assert "23 steps: 4 on pictures, 19 on videos" in section(report.text, "Schedule")
    assert "3 checkpoints, every 10 steps and at the end" in section(report.text, "Schedule")
    assert "U-Net, temporal blocks" in section(report.text, "Frozen and trained")
    rehearsal = section(report.text, "Rehearsal")
    assert "one step trained on videos in " in rehearsal
    assert "is equal bit by bit" in rehearsal
    time = section(report.text, "Time")
    for words in ("4 steps on images, ", "19 steps on videos, ", "1 validations, ", "3 checkpoints, "):
        assert words in time
    parts = [float(seconds) for seconds in re.findall(r": ([0-9.e-]+) s$", time, re.MULTILINE)]
    assert sum(parts) > 0
    assert "all of it, from the first step to the end: about " in time
    assert "3 checkpoints at a time" in section(report.text, "Disk")
    assert list(tmp_path.iterdir()) == []


def test_preflight_counts_pictures_per_bucket(tiny_config: Callable, preflight: Callable) -> None:
    report = preflight(
        "style", tiny_config("style", "data.bucket_step=8", "data.validation=0", "run.steps=4")
    )
    rows = re.findall(r"(\d+)×(\d+) +(\d+) +2$", section(report.text, "Sizes"), re.MULTILINE)
    assert sum(int(count) for _, _, count in rows) == 12
    assert all(int(width) * int(height) <= 64 * 64 for width, height, _ in rows)
    wide = sum(int(count) for width, height, count in rows if int(width) > int(height))
    tall = sum(int(count) for width, height, count in rows if int(width) < int(height))
    assert min(wide, tall) > 0, "96×80 and 80×112 do not fall into one bucket"


def test_the_checkpoint_is_really_read_back(
    core: Callable, tiny_config: Callable, preflight: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that is saved with one weight off does not pass."""
    loop = core("training.loop")
    write = loop.write_outputs

    def damaged(folder: Path, model: Any, weights: dict, about: Any) -> None:
        name = "adapter.style_kv.0.norm.weight"
        write(folder, model, {**weights, name: weights[name] + 1e-7}, about)

    monkeypatch.setattr(loop, "write_outputs", damaged)
    report = preflight("style", tiny_config("style", "data.validation=0"))
    assert not report.passed
    assert "NOT PASSED: Rehearsal" in report.text
    assert "/weights/adapter.style_kv.0.norm.weight" in section(report.text, "Rehearsal")


def test_broken_files_are_listed_with_reasons(
    own_manifest: Callable, tiny_config: Callable, preflight: Callable
) -> None:
    manifest = own_manifest("pictures")
    folder = manifest.parent / "pictures"
    (folder / "00.png").write_bytes((folder / "00.png").read_bytes()[:5000])
    (folder / "01.png").write_bytes(b"")
    (folder / "02.png").unlink()
    shutil.copy(folder / "03.png", folder / "04.png")
    report = preflight("style", tiny_config("style", "data.validation=0", f"data.manifests=['{manifest}']"))
    assert not report.passed
    assert "NOT PASSED: Data" in report.text
    text = section(report.text, "Data")
    assert "1 × truncated" in text
    assert "1 × zero bytes" in text
    assert "00.png: truncated: " in text
    assert "01.png: zero bytes: the file has zero bytes" in text
    assert "02.png: file is missing: " in text
    assert "04.png: changed since the manifest was written: different: " in text
    assert "Rehearsal\n" in report.text, "broken files do not end the preflight"


def test_clips_that_are_too_short_are_listed(tiny_config: Callable, preflight: Callable) -> None:
    report = preflight("temporal", tiny_config("temporal", "data.frames=11"))
    assert "12 videos are left out: they have fewer than data.frames = 11 frames" in report.text
    assert "00.mp4: 10 frames" in report.text
    assert not report.passed
    assert "There are not enough videos to train on." in section(report.text, "Refused")


def test_no_room_for_the_checkpoints(
    core: Callable, tiny_config: Callable, preflight: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=10_000)
    disk = SimpleNamespace(disk_usage=lambda place: usage)
    monkeypatch.setattr(core("training.preflight.room"), "shutil", disk)
    report = preflight("style", tiny_config("style", "data.validation=0"))
    assert not report.passed
    assert "free some room, or lower run.keep_checkpoints" in section(report.text, "Disk")


def test_too_little_memory(
    core: Callable, tiny_config: Callable, preflight: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=1000))
    monkeypatch.setattr(core("training.preflight.room"), "psutil", memory)
    report = preflight("style", tiny_config("style", "data.validation=0"))
    assert not report.passed
    assert "not enough: " in section(report.text, "Memory")


def refusal(core: Callable, run: Callable[[], Any]) -> str:
    with pytest.raises(core("errors").StyleCrafterError) as caught:
        run()
    return str(caught.value)


def test_data_that_is_missing(core: Callable, tiny_config: Callable, dry_run: Callable, preflight: Callable):
    config = tiny_config("style", "data.manifests=[/nowhere/data.jsonl]")
    said = refusal(core, lambda: dry_run("style", config))
    assert "The manifest /nowhere/data.jsonl cannot be read." in said
    assert "Run prepare" in said
    report = preflight("style", config)
    assert not report.passed
    assert "/nowhere/data.jsonl cannot be read" in section(report.text, "Refused")


def test_a_damaged_manifest(
    core: Callable, own_manifest: Callable, tiny_config: Callable, dry_run: Callable
) -> None:
    manifest = own_manifest("pictures")
    manifest.write_text(manifest.read_text()[:-40])
    said = refusal(core, lambda: dry_run("style", tiny_config("style", f"data.manifests=['{manifest}']")))
    assert f"The manifest {manifest}, line 13, cannot be understood." in said


def test_a_base_that_the_adapter_does_not_fit(
    core: Callable,
    lab: Callable,
    tiny_config: Callable,
    tmp_path: Path,
    dry_run: Callable,
    preflight: Callable,
) -> None:
    from safetensors.torch import save_file

    networks, generator = lab("materials.networks"), core("training.randomness").generator
    path = tmp_path / "wider.safetensors"
    save_file(networks.adapter_tensors(networks.unet_spec(64, 8), generator(0)), path)
    config = tiny_config("style", f"base.adapter={path}")
    said = refusal(core, lambda: dry_run("style", config))
    assert "32" in said
    assert "64" in said
    assert said.splitlines()[0] in section(preflight("style", config).text, "Refused")


def test_a_family_whose_bases_learn_otherwise(
    core: Callable, tiny_config: Callable, dry_run: Callable, preflight: Callable
) -> None:
    config = tiny_config("style", "adapter.family=wan")
    said = refusal(core, lambda: dry_run("style", config))
    assert "An adapter of the family wan cannot be trained for base.safetensors." in said
    assert "choose one of video, sdxl, unet (adapter.family" in said
    assert said.splitlines()[0] in section(preflight("style", config).text, "Refused")


def test_temporal_training_without_enough_videos(
    core: Callable, own_manifest: Callable, tiny_config: Callable, dry_run: Callable
) -> None:
    pictures = own_manifest("pictures")
    config = tiny_config("temporal", f"data.manifests=['{pictures}']")
    said = refusal(core, lambda: dry_run("temporal", config))
    assert "There are not enough videos to train on." in said
    assert "0 videos" in said


def test_more_processes_than_samples(core: Callable, own_manifest: Callable, tiny_config: Callable) -> None:
    data = tiny_config("style", f"data.manifests=['{own_manifest('pictures', rows=3)}']").data
    read, plan = core("training.data.sets").read_data(data), core("training.data.plan")
    config = tiny_config("style")
    stage = core("training.stages").stage_of("style", config)
    make = core("training.setup").make_plan
    make(stage, config, read, plan.Layout(1, 3, 0))
    said = refusal(core, lambda: make(stage, config, read, plan.Layout(1, 4, 0)))
    assert "4 processes" in said
    assert "use fewer processes" in said


@pytest.mark.launched
def test_the_command(host: Any, own_manifest: Callable, tiny_materials: Path, tmp_path: Path) -> None:
    """In a process of its own, with decoders of its own: a broken picture makes the exit status 1."""
    manifest = own_manifest("pictures", rows=6)
    (tmp_path / "pictures" / "05.png").write_bytes(b"\x89PNG")
    overrides = [*tiny_overrides(tiny_materials, tmp_path / "run", "style"), "data.validation=0"]
    overrides.append(f"data.manifests=['{manifest}']")
    command = [sys.executable, str(ROOT / "train.py"), "preflight", "style"]
    command += ["--config", str(ROOT / "configs" / "tiny_style.yaml")]
    command += [part for override in overrides for part in ("--set", override)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
        env={**os.environ, "COMFYUI_PATH": str(host.path)},
    )
    assert done.returncode == 1, done.stderr
    assert "05.png: truncated" in done.stdout
    assert "is equal bit by bit" in done.stdout
    assert "NOT PASSED: Data" in done.stdout
    assert not (tmp_path / "run").exists()
