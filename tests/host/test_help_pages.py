"""Every node has a help page that the host's page can open, and that speaks of all its inputs."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "web" / "docs"
MOST_LINES = 40


def node_inputs(pack: ModuleType) -> dict[str, set[str]]:
    """Node id -> names of its visible inputs."""
    found = {}
    for name, node in pack.NODE_CLASS_MAPPINGS.items():
        offered = node.INPUT_TYPES()
        found[name] = {*offered["required"], *offered.get("optional", {})}
    return found


def test_one_page_per_node_and_no_other(pack: ModuleType) -> None:
    assert {page.stem for page in DOCS.iterdir()} == set(pack.NODE_CLASS_MAPPINGS)


def test_a_page_is_short_and_carries_the_nodes_title(pack: ModuleType) -> None:
    for name, title in pack.NODE_DISPLAY_NAME_MAPPINGS.items():
        lines = (DOCS / f"{name}.md").read_text(encoding="utf-8").splitlines()
        assert lines[0] == f"# {title}"
        assert len(lines) <= MOST_LINES, name


def test_a_page_fits_a_narrow_panel() -> None:
    """Tables do not: the default panel shows two columns of them and cuts the rest."""
    for page in DOCS.iterdir():
        assert not [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]


def test_a_page_names_every_input(pack: ModuleType) -> None:
    for name, inputs in node_inputs(pack).items():
        page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
        assert not {word for word in inputs if f"`{word}`" not in page}, name


def test_a_page_names_every_output(pack: ModuleType) -> None:
    for name, node in pack.NODE_CLASS_MAPPINGS.items():
        page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
        assert not {output for output in node.RETURN_NAMES if output not in page}, name


@pytest.mark.parametrize("name", ["StyleCrafterSampler", "StyleCrafterVideoCombine"])
def test_the_server_gives_the_page_out(name: str, served_address: str, served_base: Path) -> None:
    (folder,) = (served_base / "custom_nodes").iterdir()
    with urllib.request.urlopen(f"{served_address}/extensions/{folder.name}/docs/{name}.md") as answer:
        assert answer.read() == (DOCS / f"{name}.md").read_bytes()
