"""Tables and pictures in a Markdown document, each between two marks that stay where they are.

<!-- table: NAME -->          <!-- picture: NAME, what it shows -->
<!-- end of table -->         <!-- end of picture -->
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from stylecrafter_core.errors import InputError
from stylecrafter_core.media.files import written_whole

SKELETON = Path(__file__).parents[1] / "miniature" / "skeleton.md"
IMAGES = "images"  # folder beside a document


def begin(document: Path) -> None:
    """A document that is not there is begun, with every mark and no number."""
    if not document.is_file():
        with written_whole(document) as partial:
            shutil.copyfile(SKELETON, partial)


def picture_file(document: Path, name: str) -> Path:
    """Where a document's picture of that name is kept, without its ending."""
    return document.parent / IMAGES / f"{document.stem}_{name}"


def put_tables(document: Path, tables: Mapping[str, str]) -> None:
    """Writes each table in place of what stands between its marks.

    Raises:
        InputError: the document is not there, or has no marks of that name; nothing is written then.
    """
    _put(document, "table", {name: lambda _, table=table: table for name, table in tables.items()})


def put_pictures(document: Path, names: Iterable[str]) -> None:
    """Shows each picture, which lies at `picture_file`, between its marks; its words are those of the mark.

    Raises:
        InputError: as for tables.
    """
    files = {name: f"{IMAGES}/{picture_file(document, name).name}.png" for name in names}
    _put(
        document, "picture", {name: lambda words, f=file: f"![{words}]({f})" for name, file in files.items()}
    )


def _put(document: Path, kind: str, blocks: Mapping[str, Callable[[str], str]]) -> None:
    text = document.read_text(encoding="utf-8") if document.is_file() else ""
    for name, made in blocks.items():
        start, end = f"<!-- {kind}: {name}", f"<!-- end of {kind} -->"
        pattern = re.compile(f"({re.escape(start)}(?:, ([^\\n]*))? -->\\n).*?{re.escape(end)}", re.DOTALL)
        if len(pattern.findall(text)) != 1:
            raise InputError(
                f"{document} has no one place for the {kind} {name}.",
                found=f"{len(pattern.findall(text))} places" if text else "no such document",
                expected=f"once, on lines of their own: {start} --> and {end}",
                fix=f"put the two marks where the {kind} belongs",
            )
        text = pattern.sub(lambda found, made=made, end=end: f"{found[1]}{made(found[2] or '')}\n{end}", text)
    with written_whole(document) as partial:
        partial.write_text(text, encoding="utf-8")
