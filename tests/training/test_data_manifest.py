"""The manifest file: round trip and errors that name the line."""

import json

import pytest

from stylecrafter_core.errors import InputError
from stylecrafter_core.training.data.manifest import Item, Manifest, read_manifest, write_manifest

PICTURE = Item(
    "a.jpg", None, 10, "image", 60, 40, 1, None, "a fox\u2028here", "a painting of a fox\n", "00ff"
)
VIDEO = Item("b.tar", 512, 99, "video", 96, 64, 20, 29.97, "ein Füchslein", "x", "11")


@pytest.fixture
def path(tmp_path):
    write_manifest(tmp_path / "set.jsonl", Manifest(tmp_path / "data", (PICTURE, VIDEO)))
    return tmp_path / "set.jsonl"


def test_round_trip(path, tmp_path):
    assert read_manifest(path) == Manifest(tmp_path / "data", (PICTURE, VIDEO))
    assert [file.name for file in tmp_path.iterdir()] == ["set.jsonl"]


def test_a_root_elsewhere_is_absolute(tmp_path):
    path = tmp_path / "manifests" / "set.jsonl"
    write_manifest(path, Manifest(tmp_path / "data", (PICTURE,)))
    assert json.loads(path.read_text("utf-8").split("\n")[0])["root"] == str(tmp_path / "data")
    assert read_manifest(path).root == tmp_path / "data"


def changed(path, number, change):
    lines = path.read_text("utf-8").split("\n")
    row = json.loads(lines[number - 1])
    change(row)
    lines[number - 1] = json.dumps(row)
    path.write_text("\n".join(lines), "utf-8")


CHANGES = {
    "field missing": (3, lambda row: row.pop("sha256"), "the fields path, offset"),
    "unknown field": (2, lambda row: row.update(author="x"), "author"),
    "text for a number": (2, lambda row: row.update(width="60"), "width = '60'"),
    "number for text": (3, lambda row: row.update(caption=3), "caption = 3"),
    "truth for a number": (3, lambda row: row.update(size=True), "size = True"),
    "unknown kind": (3, lambda row: row.update(kind="sound"), "kind = 'sound'"),
    "newer version": (1, lambda row: row.update(version=2), "version 2"),
    "other format": (1, lambda row: row.update(format="x"), '"format": "x"'),
}


@pytest.mark.parametrize(("number", "change", "found"), CHANGES.values(), ids=CHANGES)
def test_a_wrong_line_is_named(path, number, change, found):
    changed(path, number, change)
    with pytest.raises(InputError, match=rf"set\.jsonl, line {number}, cannot be understood") as error:
        read_manifest(path)
    assert found in error.value.found
    assert error.value.expected


@pytest.mark.parametrize(
    ("text", "line"), [("", 1), ("{", 1), ("[]", 1), pytest.param("[" * 100_000, 1, id="deep")]
)
def test_another_file_is_no_manifest(tmp_path, text, line):
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(InputError, match=f"line {line}, cannot be understood"):
        read_manifest(tmp_path / "x.jsonl")


def test_a_line_that_is_cut_is_named(path):
    path.write_text(path.read_text("utf-8")[:-30], "utf-8")
    with pytest.raises(InputError, match="line 3"):
        read_manifest(path)


def test_no_manifest_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="cannot be read") as error:
        read_manifest(tmp_path / "gone.jsonl")
    assert "prepare" in error.value.fix


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        write_manifest(tmp_path / "file" / "set.jsonl", Manifest(tmp_path, (PICTURE,)))
