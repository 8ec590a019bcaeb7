"""The page of a served ComfyUI in Chromium. scripts/test.py says which host and which browser."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HOST, CHROMIUM = os.environ.get("STYLECRAFTER_PAGE_HOST"), os.environ.get("STYLECRAFTER_CHROMIUM")
PICTURES = ROOT / ".page"
VIEW = {"width": 1920, "height": 1080}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"]

if HOST is None or CHROMIUM is None:
    collect_ignore_glob = ["test_*.py"]  # run by scripts/test.py in a process of their own
else:
    sys.path[:0] = [str(ROOT / "scripts"), str(Path(__file__).parent)]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the served ComfyUI."""
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="session")
def weights(base: Path) -> dict[str, str]:
    """The small family, where the host looks for it: input name -> file name."""
    from lab.family import family

    return family.place(base / "models")


@pytest.fixture(scope="session")
def address(base: Path, weights: dict[str, str]) -> Iterator[str]:
    """The address of a real server with the pack in its custom_nodes."""
    from comfy_server import place_pack, serve

    place_pack(ROOT, base)
    with serve(Path(HOST), base, cpu=True) as address:
        yield address


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser that nobody has used."""
    from playwright.sync_api import sync_playwright

    shutil.rmtree(PICTURES, ignore_errors=True)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("browser"),
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
            viewport=VIEW,
        )
        yield context
        context.close()


@pytest.fixture(scope="session")
def open_page(context: Any, address: str) -> Callable[..., Any]:
    """`open_page(kind of nodes, **settings)`: a new tab; the others are closed."""
    from host_page import NODES_2, HostPage

    def open_tab(kind: str, locale: str = "en") -> HostPage:
        settings = {"Comfy.VueNodes.Enabled": kind == NODES_2, "Comfy.Locale": locale}
        page = HostPage.open(context, address, PICTURES, settings)
        for tab in context.pages:
            if tab is not page.tab:
                tab.close()
        return page

    return open_tab


@pytest.fixture(scope="module")
def pages(open_page: Callable[..., Any]) -> Callable[[str], Any]:
    """`pages(kind of nodes)`: the tab of this module; another kind opens another one."""
    opened: dict[str, Any] = {}

    def page(kind: str) -> Any:
        if kind not in opened:
            opened.clear()
            opened[kind] = open_page(kind)
        opened[kind].close_dialogs()
        opened[kind].forget_errors()
        return opened[kind]

    return page
