"""The workflow in the file."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest
from films import plain
from PIL import Image

from stylecrafter_core.media import FORMATS, metadata_text, write_video

WORKFLOW = {
    "nodes": [{"id": 1, "widgets": ['a } brace, a "quote", a \\ and {a|b}', "Größe ☃", 1.5, None, True]}],
    "links": [],
}


def stored(path: Path) -> dict[str, str]:
    """What the host's web page finds: tags of videos, EXIF "name:text" of webp, text chunks of PNG."""
    if path.is_dir():
        path = path / "frame_00003.png"
    if path.suffix == ".png":
        return dict(Image.open(path).text)
    if path.suffix == ".webp":
        return dict(text.split(":", 1) for text in Image.open(path).getexif().values())
    with av.open(str(path)) as container:
        return {key.lower(): text for key, text in container.metadata.items()}


@pytest.mark.parametrize("name", [name for name, kind in FORMATS.items() if kind.keeps_metadata])
def test_metadata_reads_back(tmp_path, name):
    values = {"prompt": {"1": {"class_type": "X"}}, "workflow": WORKFLOW, "extra": [1, 2]}
    path = tmp_path / f"film{FORMATS[name].extension}"
    write_video(plain((0.5,)), path, format=name, frame_rate=8, metadata=metadata_text(values))
    found = stored(path)
    assert {key: json.loads(found[key]) for key in values} == values


@pytest.mark.parametrize("num_frames", [1, 2])
def test_webp_keeps_the_workflow_at_every_size(tmp_path, num_frames):
    """The web page walks the chunks without the padding byte of odd ones: none may be odd before EXIF."""
    for size in range(16, 24):
        path = tmp_path / "film.webp"
        film = plain((0.1, 0.8, 0.3), num_frames, size, size + 3)
        write_video(film, path, format="webp", frame_rate=8, metadata={"workflow": "{}"})
        content, position, names = path.read_bytes(), 12, []
        while position < len(content):
            names.append(content[position : position + 4])
            position += 8 + int.from_bytes(content[position + 4 : position + 8], "little")
        assert names == [b"VP8X", b"ANIM"] + [b"ANMF"] * num_frames + [b"EXIF"]
        assert int.from_bytes(content[4:8], "little") == len(content) - 8


@pytest.mark.parametrize("name", ["mp4", "webm"])
def test_videos_hold_it_in_front(tmp_path, name):
    path = tmp_path / f"film.{name}"
    write_video(
        plain((0.5,), 20, 128, 128),
        path,
        format=name,
        frame_rate=8,
        metadata=metadata_text({"workflow": WORKFLOW}),
    )
    content = path.read_bytes()
    frames = content.index(b"mdat" if name == "mp4" else b"\x1f\x43\xb6\x75")
    assert content.lower().index(b"workflow") < frames


def test_text_is_json_once_in_ascii_with_balanced_braces():
    text = metadata_text({"workflow": WORKFLOW})["workflow"]
    assert text.isascii()
    assert json.loads(text) == WORKFLOW
    assert text.count("{") == text.count("}") == 2


def test_no_number_becomes_null():
    text = metadata_text({"prompt": {"is_changed": [float("nan")], "x": float("inf"), "y": (1.0, -0.5)}})[
        "prompt"
    ]
    assert json.loads(text) == {"is_changed": [None], "x": None, "y": [1.0, -0.5]}


def test_without_metadata_nothing_is_stored(tmp_path):
    for name in ("webp", "png"):
        path = tmp_path / f"film{FORMATS[name].extension}"
        write_video(plain((0.5,)), path, format=name, frame_rate=8)
        assert stored(path) == {}
