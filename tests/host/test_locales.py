"""The page speaks English, Korean and Chinese: each language names all that the schemas name."""

from __future__ import annotations

import json
from dataclasses import field, fields, make_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jobs import core

LOCALES = Path(__file__).parents[2] / "locales"
LANGUAGES = ("en", "ko", "zh")
SCRIPTS = {"ko": ("\uac00", "\ud7a3"), "zh": ("\u4e00", "\u9fff")}
MESSAGE_SYNTAX = set("{}|@")  # the page would read these as placeholders, plurals and links


def words(language: str) -> dict[str, Any]:
    return json.loads((LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8"))


def in_schemas(pack: Any) -> dict[str, Any]:
    found = {}
    for node_id, node in pack.NODE_CLASS_MAPPINGS.items():
        schema = node.GET_SCHEMA()
        found[node_id] = {
            "display_name": schema.display_name,
            "description": schema.description,
            "inputs": {i.id: {"name": i.display_name or i.id, "tooltip": i.tooltip} for i in schema.inputs},
            "outputs": {
                str(place): {"name": output.display_name, "tooltip": output.tooltip}
                for place, output in enumerate(schema.outputs)
            },
        }
    return found


def texts(words: Any, path: str = "") -> dict[str, str]:
    if isinstance(words, str):
        return {path: words}
    return {
        place: text for key, value in words.items() for place, text in texts(value, f"{path}/{key}").items()
    }


def test_these_are_all_languages() -> None:
    assert {folder.name for folder in LOCALES.iterdir()} == set(LANGUAGES)


def test_english_is_what_the_schemas_say(pack: Any) -> None:
    """Whoever changes a word in nodes/ changes it in locales/ too, in all languages."""
    assert texts(words("en")) == texts(in_schemas(pack))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_complete_and_readable(pack: Any, language: str) -> None:
    said = texts(words(language))
    assert said.keys() == texts(in_schemas(pack)).keys()
    assert not {place for place, text in said.items() if not text.strip() or MESSAGE_SYNTAX & set(text)}


@pytest.mark.parametrize(("language", "script"), SCRIPTS.items())
def test_titles_and_sentences_are_translated(language: str, script: tuple[str, str]) -> None:
    first, last = script
    for place, text in texts(words(language)).items():
        if not place.endswith("/name"):
            assert any(first <= letter <= last for letter in text), (place, text)


@pytest.mark.parametrize("language", ["ko", "zh"])
def test_no_sentence_stands_for_two(language: str) -> None:
    """Two English sentences that have one translation were mixed up."""
    english, other = texts(words("en")), texts(words(language))
    sentences: dict[str, set[str]] = {}
    for place, text in other.items():
        if not place.endswith("/name"):
            sentences.setdefault(text, set()).add(english[place])
    assert not {text: meant for text, meant in sentences.items() if len(meant) > 1}


def test_every_node_can_be_found_by_other_words(pack: Any, monkeypatch: Any) -> None:
    """On hosts whose schema knows search aliases; others never see them."""
    releases = core(pack, "comfy_host.releases")
    known = [f.name for f in fields(releases.io.Schema)]
    extra = {"search_aliases", "essentials_category"} - set(known)
    newer = make_dataclass("Schema", [(name, Any, field(default=None)) for name in [*known, *extra]])
    monkeypatch.setattr(releases, "io", SimpleNamespace(Schema=newer))
    for node_id, node in pack.NODE_CLASS_MAPPINGS.items():
        aliases = node.define_schema().search_aliases
        assert len(set(aliases)) >= 3, node_id
        assert all(alias == alias.lower() for alias in aliases), node_id
