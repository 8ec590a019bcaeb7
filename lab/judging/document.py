"""Tables and pictures in a Markdown document, each between two marks that stay where they are.

<!-- table: NAME -->          <!-- picture: NAME, what it shows -->
<!-- end of table -->         <!-- end of picture -->
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from stylecrafter_core.errors import InputError
from stylecrafter_core.files import written_whole

SKELETON = Path(__file__).parents[1] / "ablation" / "skeleton.md"
IMAGES = "images"  # folder beside a document
QUALITY = 90  # of JPEG: every clone carries these pictures
MARK = re.compile(r"<!-- (table|picture): (\w+)")


def begin(document: Path, topics: Sequence[str]) -> None:
    """A document that is not there is begun, with every mark and no number.

    Args:
        topics: of what will be put into it: a mark's name is a topic, or begins with one and a `_`.

    Raises:
        InputError: the document lacks a mark of these topics; better said before hours of work than after.
    """
    if not document.is_file():
        with written_whole(document) as partial:
            shutil.copyfile(SKELETON, partial)
    text = document.read_text(encoding="utf-8")
    for kind, name in MARK.findall(SKELETON.read_text(encoding="utf-8")):
        if any(name == topic or name.startswith(f"{topic}_") for topic in topics):
            _require_place(text, document, kind, name)


def put_tables(document: Path, tables: Mapping[str, str]) -> None:
    """Writes each table in place of what stands between its marks.

    Raises:
        InputError: the document is not there, or has no marks of that name; nothing is written then.
    """
    text = _with_places(document, "table", tables)
    _put(document, text, "table", {name: lambda _, table=table: table for name, table in tables.items()})


def put_pictures(document: Path, pictures: Mapping[str, Tensor]) -> None:
    """Writes each picture into `images/` beside the document and shows it between its marks.

    Args:
        pictures: [H, W, 3] in 0..1, by name; their words are those of the mark.

    Raises:
        InputError: as for tables.
    """
    files = {name: f"{IMAGES}/{document.stem}_{name}.jpg" for name in pictures}
    text = _with_places(document, "picture", pictures)
    for name, picture in pictures.items():
        _write_jpeg(picture, document.parent / files[name])
    shown = {name: lambda words, file=file: f"![{words}]({file})" for name, file in files.items()}
    _put(document, text, "picture", shown)


def _write_jpeg(picture_HW3: Tensor, path: Path) -> None:
    pixels = (picture_HW3 * 255).round().to(torch.uint8).numpy()
    with written_whole(path) as partial:
        Image.fromarray(pixels).save(partial, format="JPEG", quality=QUALITY, subsampling=0)


def _put(document: Path, text: str, kind: str, blocks: Mapping[str, Callable[[str], str]]) -> None:
    for name, made in blocks.items():
        end = _end(kind)
        text = _place(kind, name).sub(
            lambda found, made=made, end=end: f"{found[1]}{made(found[2] or '')}\n{end}", text
        )
    with written_whole(document) as partial:
        partial.write_text(text, encoding="utf-8")


def _with_places(document: Path, kind: str, names: Iterable[str]) -> str:
    """The document's text, which has one place for each."""
    text = document.read_text(encoding="utf-8") if document.is_file() else ""
    for name in names:
        _require_place(text, document, kind, name)
    return text


def _require_place(text: str, document: Path, kind: str, name: str) -> None:
    places, starts = (len(re.findall(one, text)) for one in (_place(kind, name), _start_line(kind, name)))
    if places != 1 or starts != 1:
        raise InputError(
            f"{document} has no one place for the {kind} {name}.",
            found=f"{starts} start marks, {places} with an end mark" if text else "no such document",
            expected=f"once, on lines of their own: {_start(kind, name)} --> and {_end(kind)}",
            fix=f"put the two marks where the {kind} belongs",
        )


def _place(kind: str, name: str) -> re.Pattern[str]:
    """Groups: the start mark's line, its words. No other mark stands inside."""
    inside = "(?:(?!<!-- ).)*"
    return re.compile(f"({_start_line(kind, name)}){inside}{re.escape(_end(kind))}", re.DOTALL)


def _start_line(kind: str, name: str) -> str:
    return f"{re.escape(_start(kind, name))}(?:, ([^\\n]*))? -->\\n"


def _start(kind: str, name: str) -> str:
    return f"<!-- {kind}: {name}"


def _end(kind: str) -> str:
    return f"<!-- end of {kind} -->"
