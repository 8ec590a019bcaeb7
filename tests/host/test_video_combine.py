"""The two video nodes in the real host."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import av
import comfy.model_management
import numpy as np
import pytest
import torch
from comfy.cli_args import args
from PIL import Image

COMBINE = "StyleCrafterVideoCombine"
FORMATS = ["mp4", "webm", "webp", "gif", "png"]
VIDEOS = ["mp4", "webm"]
WORKFLOW = {"nodes": [{"id": 1, "text": "a } brace and {a|b}", "none": float("nan")}], "links": []}
PROMPT = {"1": {"class_type": COMBINE, "inputs": {"frame_rate": 8}}}
HIDDEN = {"prompt": PROMPT, "extra_pnginfo": {"workflow": WORKFLOW}}
STORED_WORKFLOW = {"nodes": [{"id": 1, "text": "a } brace and {a|b}", "none": None}], "links": []}

pytestmark = pytest.mark.usefixtures("pack")


@pytest.fixture
def combine(run_node_with_ui):
    """`combine(images, hidden=None, **changed inputs) -> (video, path, ui)` with the node's own defaults."""

    def run(images: torch.Tensor, hidden=None, **changed):
        inputs = {name: options.get("default") for name, options in node_inputs("required").items()}
        (video, path), ui = run_node_with_ui(COMBINE, hidden, **{**inputs, "images": images, **changed})
        return video, Path(path), ui

    return run


def node_class(node_id: str = COMBINE):
    import nodes

    return nodes.NODE_CLASS_MAPPINGS[node_id]


def node_inputs(kind: str, node_id: str = COMBINE) -> dict[str, dict]:
    return {name: entry[1] for name, entry in node_class(node_id).INPUT_TYPES()[kind].items()}


def film(num_frames: int = 5, height: int = 48, width: int = 64, channels: int = 3) -> torch.Tensor:
    steps = torch.linspace(0.1, 0.9, num_frames)
    return steps[:, None, None, None].expand(num_frames, height, width, channels)


def stored_metadata(path: Path) -> dict[str, str]:
    if path.suffix == ".png":
        return dict(Image.open(path).text)
    if path.suffix == ".webp":
        return dict(text.split(":", 1) for text in Image.open(path).getexif().values())
    with av.open(str(path)) as container:
        return {key.lower(): text for key, text in container.metadata.items()}


def test_contract():
    assert {name: options.get("default") for name, options in node_inputs("required").items()} == {
        "images": None,
        "frame_rate": 8.0,
        "loop_count": 0,
        "filename_prefix": "StyleCrafter",
        "format": "mp4",
        "pingpong": False,
        "save_output": True,
        "crf": 19,
        "save_metadata": True,
    }
    assert list(node_inputs("optional")) == ["audio"]
    node = node_class()
    assert (node.RETURN_TYPES, node.OUTPUT_NODE, node.CATEGORY) == (["VIDEO", "STRING"], True, "StyleCrafter")
    assert node.INPUT_TYPES()["required"]["format"][1]["options"] == FORMATS


@pytest.mark.parametrize("node_id", [COMBINE, "StyleCrafterEmptyVideoLatent"])
def test_every_socket_has_a_tooltip(node_id):
    for kind in ("required", "optional"):
        if kind in node_class(node_id).INPUT_TYPES():
            assert all(options.get("tooltip") for options in node_inputs(kind, node_id).values())
    assert all(node_class(node_id).OUTPUT_TOOLTIPS)


@pytest.mark.parametrize("name", FORMATS)
def test_file_video_and_preview_agree(combine, host, name):
    video, path, ui = combine(film(), format=name, filename_prefix=f"shots/{name}_film")
    assert path.is_file()
    assert path.is_relative_to(host.output / "shots")
    assert video.get_components().images.shape == (5, 48, 64, 3)
    assert video.get_components().frame_rate == Fraction(8)
    shown = ui["images"]
    assert len(shown) == (5 if name == "png" else 1)
    for reference in shown:
        assert reference["type"] == "output"
        assert (host.output / reference["subfolder"] / reference["filename"]).is_file()
    assert host.output / shown[0]["subfolder"] / shown[0]["filename"] == path
    # The web page would put an animated gif, and a row of pictures, into a video player.
    assert ui["animated"] == (name in ("mp4", "webm", "webp"),)


@pytest.mark.parametrize("name", FORMATS)
def test_names_are_counted_and_nothing_else_is_written(combine, host, name):
    folder = f"count_{name}"
    paths = [
        combine(film(2), HIDDEN, format=name, filename_prefix=f"{folder}/film_%width%")[1] for _ in range(3)
    ]
    entries = sorted(entry.name for entry in (host.output / folder).iterdir())
    ending = "" if name == "png" else f".{name}"
    assert entries == [f"film_64_{number:05}_{ending}" for number in (1, 2, 3)]
    assert len(set(paths)) == 3


@pytest.mark.parametrize("name", ["mp4", "webm", "webp", "png"])
def test_workflow_is_in_the_file_encoded_once(combine, name):
    _, path, _ = combine(film(2), HIDDEN, format=name)
    stored = stored_metadata(path)
    assert json.loads(stored["workflow"]) == STORED_WORKFLOW
    assert json.loads(stored["prompt"]) == PROMPT


@pytest.mark.parametrize("name", ["mp4", "webm", "webp", "png"])
@pytest.mark.parametrize("who", ["user", "host"])
def test_workflow_can_be_kept_out(combine, monkeypatch, name, who):
    monkeypatch.setattr(args, "disable_metadata", who == "host")
    _, path, _ = combine(film(2), HIDDEN, format=name, save_metadata=who == "host")
    assert not {"prompt", "workflow"} & set(stored_metadata(path))


def test_without_hidden_values_the_file_is_written(combine):
    _, path, _ = combine(film(2), {"prompt": None, "extra_pnginfo": None}, format="png")
    assert stored_metadata(path) == {}


@pytest.mark.parametrize("name", FORMATS)
def test_save_output_off_goes_to_temp(combine, host, name):
    _, path, ui = combine(film(2), format=name, save_output=False, filename_prefix="look")
    assert path.is_relative_to(host.base / "temp")
    assert {reference["type"] for reference in ui["images"]} == {"temp"}
    assert not list(host.output.glob("look*"))


@pytest.mark.parametrize("name", FORMATS)
def test_pingpong_in_file_and_video(combine, name):
    video, _, _ = combine(film(4), format=name, pingpong=True)
    levels = video.get_components().images.mean(dim=(1, 2, 3))
    expected = film(4)[[0, 1, 2, 3, 2, 1]].mean(dim=(1, 2, 3))
    assert (levels - expected).abs().max() < 0.02


@pytest.mark.parametrize("name", VIDEOS)
def test_audio(combine, name):
    audio = {"waveform": torch.rand(1, 2, 44100) - 0.5, "sample_rate": 44100}
    video, path, _ = combine(film(4), format=name, audio=audio)
    assert video.get_components().audio is not None
    with av.open(str(path)) as container:  # some hosts hand on the first frame of sound alone
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples / 48000 == pytest.approx(0.5, abs=0.03)


def test_pictures_hand_the_sound_on(combine):
    audio = {"waveform": torch.rand(1, 2, 44100) - 0.5, "sample_rate": 44100}
    video, _, _ = combine(film(4), format="webp", audio=audio)
    assert video.get_components().audio is audio


def test_video_goes_through_the_hosts_own_save_node(combine, run_node_with_ui, host):
    for name in FORMATS:
        video, _, _ = combine(film(3, 64, 64, 4), format=name)
        inputs = {"video": video, "filename_prefix": f"again_{name}", "format": "auto"}
        run_node_with_ui("SaveVideo", HIDDEN, **inputs)
        (saved,) = host.output.glob(f"again_{name}*")
        with av.open(str(saved)) as container:
            assert len(list(container.decode(video=0))) == 3


def test_node_messages_name_the_input(combine, pack):
    broken = film().clone()
    broken[2, 0, 0, 0] = torch.nan
    for images, message in [
        (torch.zeros(0, 8, 8, 3), "`images` holds no frames"),
        (broken, "in frame 3 of 5"),
    ]:
        with pytest.raises(ValueError, match=message):
            combine(images, filename_prefix="bad/film")
    with pytest.raises(ValueError, match="`crf` is out of range for mp4"):
        combine(film(), filename_prefix="bad/film", crf=60)


def test_output_folder_that_cannot_be_used(combine, host):
    (host.output / "in_the_way").write_text("a file")
    with pytest.raises(Exception, match=r"in_the_way/film\S* cannot be written") as error:
        combine(film(), filename_prefix="in_the_way/film")
    assert type(error.value).__name__ == "MediaError"
    assert "filename_prefix" in error.value.fix


@pytest.mark.parametrize("name", FORMATS)
def test_interrupt_leaves_nothing_and_the_next_job_is_clean(combine, host, name):
    comfy.model_management.interrupt_current_processing(True)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        combine(film(), format=name, filename_prefix=f"stopped_{name}/film")
    assert list((host.output / f"stopped_{name}").iterdir()) == []
    _, path, _ = combine(film(), format=name, filename_prefix=f"stopped_{name}/film")
    assert re.search(r"film_00001_", str(path))


def test_progress_reaches_the_host(combine, monkeypatch):
    seen = []
    # Not the hook: newer hosts call it for some of the steps.
    monkeypatch.setattr(
        comfy.utils.ProgressBar, "update_absolute", lambda bar, value: seen.append((value, bar.total))
    )
    combine(film(3), format="mp4", pingpong=True)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_stop_is_seen_where_the_bar_says_nothing(combine, host, monkeypatch):
    """On a host whose bar is silent for a while, the frame after the user pressed stop is not written."""
    told = []

    def silent(bar, value, *_, **__):
        told.append(value)
        comfy.model_management.interrupt_current_processing(value == 2)

    monkeypatch.setattr(comfy.utils.ProgressBar, "update_absolute", silent)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        combine(film(5), format="mp4", filename_prefix="silent/film")
    assert told == [1, 2]
    assert list((host.output / "silent").iterdir()) == []


@pytest.mark.parametrize(
    ("size", "frames", "batch_size", "shape"),
    [((512, 320), 16, 1, (16, 4, 40, 64)), ((328, 200), 5, 2, (10, 4, 25, 41))],
)
def test_empty_video_latent(run_node, size, frames, batch_size, shape):
    width, height = size
    (latent,) = run_node(
        "StyleCrafterEmptyVideoLatent", width=width, height=height, frames=frames, batch_size=batch_size
    )
    assert latent["samples"].shape == shape
    assert latent["samples"].device == comfy.model_management.intermediate_device()
    assert not np.any(latent["samples"].numpy())
    assert latent["frames"] == frames


def test_empty_video_latent_contract():
    inputs = node_inputs("required", "StyleCrafterEmptyVideoLatent")
    defaults = {name: options["default"] for name, options in inputs.items()}
    assert defaults == {"width": 512, "height": 320, "frames": 16, "batch_size": 1}
    assert (inputs["width"]["step"], inputs["height"]["step"]) == (8, 8)
