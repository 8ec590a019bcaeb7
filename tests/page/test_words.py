"""What the page says of the pack: help, translated titles, blueprints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from host_page import CLASSIC, HostPage

ROOT = Path(__file__).parents[2]
TEMPLATE = "Style a video with one picture"
TITLES = {"ko": ("비디오 합치기", "스타일 인코딩"), "zh": ("合成视频", "编码风格")}
BLUEPRINTS = sorted(file.stem for file in (ROOT / "subgraphs").glob("*.json"))
VIDEO_BOX = "Style a video (StyleCrafter)"
# Adds a blueprint as the library does; returns what the box shows.
ADD_BLUEPRINT = """async (title) => {
  const answer = await fetch("/api/global_subgraphs");
  const [id] = Object.entries(await answer.json()).find(([, entry]) => entry.name === title);
  const { data } = await (await fetch(`/api/global_subgraphs/${id}`)).json();
  const { nodes, definitions } = JSON.parse(data);
  window.app.graph.clear();
  const added = window.app.canvas._deserializeItems(
    { nodes, subgraphs: definitions.subgraphs }, { position: [200, 100] });
  const [box] = added.nodes.values();
  return { title: box.title, inputs: box.inputs.map(({ name }) => name),
    outputs: box.outputs.map(({ type }) => type), widgets: box.widgets.map(({ name }) => name) };
}"""
WIRE = """([values, picture]) => {
  const { graph } = window.app, [box] = graph.nodes;
  const load = window.LiteGraph.createNode("LoadImage"), show = window.LiteGraph.createNode("PreviewImage");
  graph.add(load); graph.add(show); load.pos = [-300, 100]; show.pos = [800, 100];
  load.widgets.find(({ name }) => name === "image").value = picture;
  load.connect(0, box, 0); box.connect(0, show, 0);
  for (const widget of box.widgets) if (widget.name in values) widget.value = values[widget.name];
}"""


def open_help(page: HostPage, kind: str) -> Any:
    """Select a node of this kind and press its "i"."""
    page.tab.evaluate(
        """(kind) => { const { canvas, graph } = window.app;
          canvas.deselectAll(); canvas.processSelect(graph.nodes.find(({ type }) => type === kind));
          canvas.setDirty(true, true); }""",
        kind,
    )
    page.tab.locator("[data-testid=info-button]").first.click()
    panel = page.tab.locator(".node-help-content").first
    panel.locator("code").first.wait_for()
    return panel


@pytest.mark.parametrize("kind", ["StyleCrafterSampler", "StyleCrafterVideoCombine"])
def test_help_opens_and_fits_its_panel(pages: Callable[[str], HostPage], kind: str) -> None:
    page = pages(CLASSIC)
    page.load(page.template(TEMPLATE), TEMPLATE)
    page.close_dialogs()
    panel = open_help(page, kind)
    page.picture(f"help {kind}")
    said = (ROOT / "web" / "docs" / f"{kind}.md").read_text(encoding="utf-8")
    assert said.splitlines()[2].split("`")[0].strip()[:40] in panel.inner_text()
    assert panel.evaluate("(panel) => panel.scrollWidth <= panel.clientWidth + 1")


@pytest.mark.parametrize("title", BLUEPRINTS)
def test_a_blueprint_is_one_box(pages: Callable[[str], HostPage], title: str) -> None:
    page = pages(CLASSIC)
    box = page.tab.evaluate(ADD_BLUEPRINT, title)
    page.tab.wait_for_timeout(500)
    page.picture(f"blueprint {title}")
    assert box["title"] == title
    assert box["inputs"][0] == "images"
    assert box["outputs"] == ["IMAGE"]
    assert {"text", "strength", "cfg_style", "cfg_text", "seed", "ckpt_name"} <= set(box["widgets"])
    assert page.errors == []


def test_the_box_styles_a_video(pages: Callable[[str], HostPage], weights: dict[str, str]) -> None:
    page = pages(CLASSIC)
    page.tab.evaluate(ADD_BLUEPRINT, VIDEO_BOX)
    values = {**weights, "width": 64, "height": 64, "frames": 2, "steps": 2}
    page.tab.evaluate(WIRE, [values, "stylecrafter_irises.jpg"])
    job = page.run()
    page.picture("blueprint ran")
    assert job["status"]["status_str"] == "success", job["status"]
    (shown,) = job["outputs"].values()
    assert len(shown["images"]) == 2


@pytest.mark.parametrize("language", TITLES)
def test_titles_are_translated(open_page: Callable[..., HostPage], language: str) -> None:
    page = open_page(CLASSIC, locale=language)
    page.load(page.template(TEMPLATE), TEMPLATE)
    page.close_dialogs()
    titles = page.tab.evaluate("() => window.app.graph.nodes.map((node) => node.getTitle())")
    page.picture(f"language {language}")
    for title in TITLES[language]:
        assert any(title in shown for shown in titles), titles
    assert page.errors == []
