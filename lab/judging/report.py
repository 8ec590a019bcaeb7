"""What a measurement leaves behind: its numbers, tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stylecrafter_core.files import written_whole
from stylecrafter_core.training.grids import write_grid

from .document import put_pictures, put_tables
from .study import Measured, write_record


def write_results(
    topic: str, measured: Measured, tables: Mapping[str, str], work: Path, document: Path | None
) -> None:
    """`<topic>.json`, a `.md` for each table and a `.png` for each picture in the work folder.

    With a document, its marked tables and pictures are replaced.
    """
    write_record(work / f"{topic}.json", measured.record)
    for name, table in tables.items():
        with written_whole(work / f"{name}.md") as partial:
            partial.write_text(f"{table}\n", encoding="utf-8")
    for name, picture in measured.pictures.items():
        write_grid(picture[None], work / name)
    if document is not None:
        put_tables(document, tables)
        put_pictures(document, measured.pictures)
