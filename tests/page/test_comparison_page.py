"""A comparison's page, opened as a file: the videos play, and nothing is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image

from lab.evaluation.report import Column, write_report
from lab.evaluation.test_set import Pair
from stylecrafter_core.media import write_video

METRIC = {"name": "copies", "version": 1, "weights": {}}


def comparison(folder: Path) -> Path:
    """A report of two pairs, one of which failed."""
    results = folder / "ours"
    results.mkdir()
    Image.new("RGB", (64, 64), "teal").save(folder / "style.png")
    brightness = torch.linspace(0, 1, 8).view(8, 1, 1, 1)
    write_video(brightness.expand(8, 64, 64, 3), results / "0000.mp4", format="mp4", frame_rate=8.0)
    rows = [{"name": "0000", "values": {"copied": 0.0}}, {"name": "0001", "problem": "There is no result."}]
    rows = [{**row, "prompt": "a fox & a hen", "references": ["style.png"]} for row in rows]
    summary = {"copied": {"mean": 0.0, "std": None, "n": 1, "low": None, "high": None}}
    scores = {"format": 1, "metrics": [METRIC], "summary": summary, "pairs": rows}
    pairs = [Pair(number, "a fox & a hen", (folder / "style.png",)) for number in range(2)]
    write_report([Column("StyleCrafter", results, scores)], pairs, folder / "out", 2)
    return folder / "out" / "report.html"


def test_the_videos_of_a_comparison_play_and_nothing_is_fetched(context: Any, tmp_path: Path) -> None:
    file = comparison(tmp_path)
    page = context.new_page()
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition(":")[0]))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_function("document.querySelector('video').currentTime > 0.2", timeout=60_000)
    assert page.evaluate("document.querySelector('video').videoWidth") == 64
    assert page.locator("video").count() == 1
    assert page.locator(".missing").first.inner_text() == "There is no result."
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    assert set(asked) <= {"file", "data"}
    assert not faults
    page.close()
