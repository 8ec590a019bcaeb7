"""Every template opens complete in both kinds of nodes, covers nothing, and says what must be fetched."""

from __future__ import annotations

import itertools
import json
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from host_page import CLASSIC, NODES_2, Box, HostPage

FOLDER = Path(__file__).parents[2] / "workflows"
NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))
EDGE = 2.0  # pixels of the screen: borders and rounding


def overlaps(a: Box, b: Box) -> bool:
    return all(a[i] + EDGE < b[i] + b[i + 2] and b[i] + EDGE < a[i] + a[i + 2] for i in (0, 1))


def inside(inner: Box, outer: Box) -> bool:
    return all(
        outer[i] - EDGE <= inner[i] and inner[i] + inner[i + 2] <= outer[i] + outer[i + 2] + EDGE
        for i in (0, 1)
    )


def covered(page: HostPage) -> list[tuple[str, str]]:
    """Pairs of nodes, and of groups, that overlap; nodes beside every group that touch one."""
    nodes, groups = page.boxes()
    pairs = [*_pairs(nodes.items()), *_pairs(groups.items())]
    for name, box in nodes.items():
        touched = [title for title, group in groups.items() if overlaps(box, group)]
        pairs += [(name, title) for title in touched if not inside(box, groups[title])]
    return pairs


def _pairs(boxes: Iterable[tuple[str, Box]]) -> list[tuple[str, str]]:
    return [(a, b) for (a, one), (b, other) in itertools.combinations(boxes, 2) if overlaps(one, other)]


def test_the_server_offers_all_templates_with_their_pictures(address: str) -> None:
    with urllib.request.urlopen(f"{address}/api/workflow_templates") as answer:
        assert sorted(json.load(answer)["stylecrafter"]) == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [CLASSIC, NODES_2])
def test_a_template_opens(pages: Callable[[str], HostPage], kind: str, name: str) -> None:
    page = pages(kind)
    page.load(page.template(name), name)
    said = page.tab.evaluate("() => document.body.innerText")
    page.close_dialogs()
    page.picture(f"{kind} {name}")
    assert page.errors == []
    missing = page.tab.evaluate(
        # Newer pages mark a node whose file is missing, too.
        "() => window.app.graph.nodes.filter((node) => (node.has_errors && !node.properties.models)"
        " || node.last_serialization?.missing || !(node.type in window.LiteGraph.registered_node_types))"
        ".map((node) => node.type)"
    )
    assert missing == []
    assert covered(page) == []
    for model in models(page.template(name)):
        assert model["name"] in said
    assert loaded_pictures(page) == len([n for n in page.template(name)["nodes"] if n["type"] == "LoadImage"])


def test_a_page_that_lists_no_templates_opens_the_dropped_file(pages: Callable[[str], HostPage]) -> None:
    page = pages(CLASSIC)
    page.load(page.template(NAMES[0]))
    expected = page.graph()
    page.tab.evaluate("() => window.app.graph.clear()")
    page.drop(FOLDER / f"{NAMES[0]}.json", "application/json")
    page.close_dialogs()
    assert page.graph() == expected != []


def models(workflow: dict[str, Any]) -> list[dict[str, str]]:
    return [model for node in workflow["nodes"] for model in node["properties"].get("models", [])]


def loaded_pictures(page: HostPage) -> int:
    """How many nodes show a picture that could be loaded."""
    return page.tab.evaluate(
        """() => window.app.graph.nodes.filter((node) => node.type === "LoadImage").filter((node) => {
          const element = document.querySelector(`[data-node-id="${node.id}"] img`);
          return (node.imgs?.[0] ?? element)?.naturalWidth > 0;
        }).length"""
    )
