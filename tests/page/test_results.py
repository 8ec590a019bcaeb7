"""Results in the page: a video plays, every format shows, a dropped result brings the graph back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from host_page import CLASSIC, NODES_2, HostPage
from test_templates import covered

VIDEO = "Style a video with one picture"
# The other templates whose weights the small family stands for, with what runs quickly.
OTHERS: dict[str, dict[str, Any]] = {
    "Style a video with several pictures": {},
    "Style an image with the video model": {"frames": 1},
    "Style a long video": {"frames": 10, "context_length": 8, "context_overlap": 2},
}
SMALL = {"width": 96, "height": 96, "frames": 4, "steps": 6, "sampler_name": "euler"}
SCALES = {"cfg_text": 7.5, "cfg_style": 5.0}
COMBINE = "StyleCrafterVideoCombine"
KINDS = {"mp4": "video/mp4", "webm": "video/webm", "webp": "image/webp", "png": "image/png"}
OLD = Path(__file__).parents[1] / "golden" / "workflows" / "several_references_0_1.json"
# Whether Video Combine shows a result of this format, in either kind of nodes. A moving picture is an element
# of the page: what is drawn on the canvas stands still.
SHOWS = """([kind, format]) => {
  const node = window.app.graph.nodes.find(({ type }) => type === kind);
  const inside = (tag) => [...document.querySelectorAll(
    `.dom-widget ${tag}, [data-node-id="${node.id}"] ${tag}`)].find(({ offsetWidth }) => offsetWidth);
  const right = (media) => media && media.src.includes(`.${format}&`);
  const video = inside("video"), picture = inside("img[src*='filename']");
  if (["mp4", "webm"].includes(format)) return right(video) && !video.error && video.readyState > 1;
  if (video) return false;
  const shown = format === "png" ? (picture ?? node.imgs?.[0]) : picture;
  return right(shown) && shown.naturalWidth > 0;
}"""
PLAY = """() => { for (const video of document.querySelectorAll("video")) {
  video.muted = true; video.play(); } }"""


def film(page: HostPage, weights: dict[str, str], template: str = VIDEO, /, **values: Any) -> dict[str, Any]:
    """Run a template with the small family."""
    page.load(page.template(template), template)
    page.close_dialogs()
    page.set_values({**weights, **SMALL, **SCALES, **values})
    job = page.run()
    assert job["status"]["status_str"] == "success", job["status"]
    return job


def result_of(job: dict[str, Any], base: Path) -> Path:
    (output,) = (output for output in job["outputs"].values() if "animated" in output)
    file = output["images"][0]
    return base / file["type"] / file["subfolder"] / file["filename"]


@pytest.mark.parametrize("kind", [CLASSIC, NODES_2])
def test_a_template_runs_to_a_playing_video(
    pages: Callable[[str], HostPage], kind: str, weights: dict[str, str]
) -> None:
    page = pages(kind)
    film(page, weights)
    page.tab.evaluate(PLAY)
    page.tab.wait_for_function("() => [...document.querySelectorAll('video')].some((v) => v.currentTime > 0)")
    page.tab.wait_for_function(SHOWS, arg=[COMBINE, "mp4"])
    page.picture(f"{kind} playing")
    assert page.errors == []
    assert covered(page) == []


@pytest.mark.parametrize("name", OTHERS)
def test_the_other_templates_run(
    pages: Callable[[str], HostPage], name: str, weights: dict[str, str]
) -> None:
    page = pages(NODES_2)
    job = film(page, weights, name, **OTHERS[name])
    page.picture(f"{name} run")
    assert any(output.get("images") for output in job["outputs"].values())
    assert page.errors == []
    assert covered(page) == []


@pytest.mark.parametrize("kind", [CLASSIC, NODES_2])
def test_the_preview_follows_the_format(
    pages: Callable[[str], HostPage], kind: str, weights: dict[str, str]
) -> None:
    """One node, one format after the other; back to mp4 at the end."""
    page = pages(kind)
    film(page, weights)
    for name in ("gif", "webp", "webm", "png", "gif", "mp4"):
        page.set_values({"format": name})
        page.run()
        page.tab.wait_for_function(SHOWS, arg=[COMBINE, name])
        page.settle()
        page.picture(f"{kind} {name}")
        assert page.errors == [], name
        assert covered(page) == [], name


@pytest.mark.parametrize("name", KINDS)
def test_a_dropped_result_brings_the_graph_back(
    pages: Callable[[str], HostPage], name: str, weights: dict[str, str], base: Path
) -> None:
    page = pages(CLASSIC)
    job = film(page, weights, format=name)
    before = page.graph()
    page.tab.evaluate("() => window.app.graph.clear()")
    page.drop(result_of(job, base), KINDS[name])
    page.close_dialogs()
    assert page.graph() == before
    assert page.errors == []


def test_the_prefix_names_dates_and_other_nodes_values(
    pages: Callable[[str], HostPage], weights: dict[str, str], base: Path
) -> None:
    page = pages(CLASSIC)
    prefix = "%date:yyyy%/film_%StyleCrafterSampler.seed%_%width%"
    job = film(page, weights, seed=77, filename_prefix=prefix)
    path = result_of(job, base)
    assert path.parent.name.isdigit()
    assert path.name.startswith("film_77_96_")


def test_the_video_goes_into_the_hosts_own_save_node(
    pages: Callable[[str], HostPage], weights: dict[str, str]
) -> None:
    page = pages(CLASSIC)
    page.load(page.template(VIDEO), VIDEO)
    page.close_dialogs()
    page.set_values({**weights, **SMALL, **SCALES})
    page.tab.evaluate(
        """(kind) => { const save = window.LiteGraph.createNode("SaveVideo"); window.app.graph.add(save);
          save.pos = [0, 900];
          window.app.graph.nodes.find(({ type }) => type === kind).connect(0, save, 0); }""",
        COMBINE,
    )
    job = page.run()
    assert job["status"]["status_str"] == "success"
    assert len([output for output in job["outputs"].values() if output.get("images")]) == 2


def test_a_workflow_of_the_first_version_opens_and_runs(
    pages: Callable[[str], HostPage], weights: dict[str, str]
) -> None:
    page = pages(CLASSIC)
    page.load(json.loads(OLD.read_text(encoding="utf-8")), "old")
    page.close_dialogs()
    page.set_values({**weights, **SMALL, **SCALES, "image": "stylecrafter_irises.jpg"})
    assert page.run()["status"]["status_str"] == "success"
