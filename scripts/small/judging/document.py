"""Tables in a Markdown document, each between two marks that stay where they are.

<!-- table: NAME -->
<!-- end of table -->
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from stylecrafter_core.errors import InputError
from stylecrafter_core.media.files import written_whole

SKELETON = Path(__file__).parents[1] / "miniature" / "skeleton.md"
END = "<!-- end of table -->"


def begin(document: Path) -> None:
    """A document that is not there is begun, with every mark and no number."""
    if not document.is_file():
        with written_whole(document) as partial:
            shutil.copyfile(SKELETON, partial)


def put_tables(document: Path, tables: Mapping[str, str]) -> None:
    """Writes each table in place of what stands between its marks.

    Raises:
        InputError: the document is not there, or has no marks of that name.
    """
    text = document.read_text(encoding="utf-8") if document.is_file() else ""
    for name, table in tables.items():
        start = f"<!-- table: {name} -->"
        pattern = re.compile(f"{re.escape(start)}\n.*?{re.escape(END)}", re.DOTALL)
        if len(pattern.findall(text)) != 1:
            raise InputError(
                f"{document} has no one place for the table {name}.",
                found=f"{len(pattern.findall(text))} places" if text else "no such document",
                expected=f"once, on lines of their own: {start} and {END}",
                fix="put the two marks where the table belongs",
            )
        text = pattern.sub(lambda _, start=start, table=table: f"{start}\n{table}\n{END}", text)
    with written_whole(document) as partial:
        partial.write_text(text, encoding="utf-8")
