"""The templates' paintings lie in the input folder once the pack has loaded; the user's files stay."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SHIPPED = sorted((Path(__file__).parents[2] / "workflows" / "pictures").glob("*.jpg"))


@pytest.fixture
def pictures(pack: ModuleType) -> ModuleType:
    return importlib.import_module(f"{pack.__name__}.nodes.example_pictures")


@pytest.mark.usefixtures("pictures")
def test_loading_the_pack_places_them(host: Any) -> None:
    assert SHIPPED
    for picture in SHIPPED:
        assert (host.input / picture.name).read_bytes() == picture.read_bytes()
    import nodes

    offered = nodes.NODE_CLASS_MAPPINGS["LoadImage"].INPUT_TYPES()["required"]["image"][0]
    assert {picture.name for picture in SHIPPED} <= set(offered)


def test_a_file_of_the_users_stays(pictures: ModuleType, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(pictures.folder_paths, "get_input_directory", lambda: str(tmp_path))
    (tmp_path / SHIPPED[0].name).write_text("mine")
    pictures.place_pictures()
    assert (tmp_path / SHIPPED[0].name).read_text() == "mine"
    assert {file.name for file in tmp_path.iterdir()} == {picture.name for picture in SHIPPED}


def test_a_folder_that_cannot_be_written_is_said(
    pictures: ModuleType, monkeypatch: Any, tmp_path: Path, caplog: Any
) -> None:
    (tmp_path / "input").write_text("a file")
    monkeypatch.setattr(pictures.folder_paths, "get_input_directory", lambda: str(tmp_path / "input"))
    with caplog.at_level(logging.INFO):
        pictures.place_pictures()
    assert "was not put into" in caplog.text
