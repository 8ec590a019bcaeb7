"""A comparison to look at: a table, a contact sheet, and one page that plays the videos without a network."""

from __future__ import annotations

import base64
import html
import io
import mimetypes
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageOps

from stylecrafter_core.errors import InputError, StyleCrafterError
from stylecrafter_core.files import written_whole
from stylecrafter_core.media.lettering import font, wrapped

from ..measures import labelled_sheet
from .frames import RESULTS, STREAMED, pieces_of
from .scoring import Document, problems
from .tables import as_csv, as_markdown
from .test_set import Pair

CELL = 160  # pixels
MARGIN, LETTER_SIZE = 6, 12  # of words in a cell
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; background: #181818; color: #e6e6e6; }
table { border-collapse: collapse; margin: 1rem 0 2rem; }
th, td { padding: .35rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid #383838; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
img, video { width: 200px; height: auto; display: block; border-radius: 4px; margin-bottom: .25rem; }
.scroll { overflow-x: auto; } .prompt { max-width: 14rem; } .missing { color: #ff9b80; max-width: 12rem; }
"""


@dataclass(frozen=True)
class Column:
    """One method: its title, the folder of its results, and its scores."""

    title: str
    folder: Path
    scores: Document


def write_report(columns: Sequence[Column], pairs: Sequence[Pair], out: Path, rows: int) -> list[Path]:
    """`report.md`, `<method>.csv`, `report.png` and `report.html`, of the first so many pairs.

    Raises:
        InputError: a metric of one name is not the same in all scores; two methods have the same title.
    """
    _check_titles([column.title for column in columns])
    table = as_markdown({column.title: column.scores for column in columns})
    shown = pairs[:rows]
    files = {"report.md": f"{table}\n".encode(), "report.html": _page(columns, shown, table).encode()}
    for column in columns:
        files[f"{column.folder.name}.csv"] = as_csv(column.scores).encode()
    sheet = io.BytesIO()
    _sheet(columns, shown).save(sheet, format="PNG")
    files["report.png"] = sheet.getvalue()
    for name, content in files.items():
        with written_whole(out / name) as partial:
            partial.write_bytes(content)
    return [out / name for name in files]


def _check_titles(titles: Sequence[str]) -> None:
    if twice := [title for title, count in Counter(titles).items() if count > 1]:
        raise InputError(
            "Two methods of the comparison have the same title.",
            found=", ".join(twice),
            expected="a title of its own for each",
            fix="give the workflow file another name: it is the title",
        )


def _result(column: Column, pair: Pair) -> Path | None:
    found = (column.folder / f"{pair.name}{ending}" for ending in RESULTS)
    return next((file for file in found if file.is_file()), None)


def _problem(column: Column, pair: Pair) -> str:
    rows = {row["name"]: row for row in column.scores["pairs"]}
    return rows.get(pair.name, {}).get("problem", "")


def _page(columns: Sequence[Column], pairs: Sequence[Pair], table: str) -> str:
    titles = "".join(f"<th>{html.escape(column.title)}</th>" for column in columns)
    lines = []
    for pair in pairs:
        cells = [f'<td class="prompt">{html.escape(pair.prompt)}</td>', f"<td>{_references(pair)}</td>"]
        cells += [f"<td>{_cell(column, pair)}</td>" for column in columns]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    failed = [
        f"<li>{html.escape(f'{column.title}, {line}')}</li>"
        for column in columns
        for line in problems(column.scores)
    ]
    missing = f"<h2>Without numbers</h2><ul>{''.join(failed)}</ul>" if failed else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Comparison of style methods</title>\n<style>{STYLE}</style></head>\n<body>\n"
        "<h1>Comparison of style methods</h1>\n"
        f'<div class="scroll">{_html_table(table)}</div>\n{missing}\n<h2>Results</h2>\n'
        '<div class="scroll"><table><thead>'
        f"<tr><th>prompt</th><th>references</th>{titles}</tr></thead><tbody>\n"
        + "\n".join(lines)
        + "</tbody></table></div>\n</body>\n</html>\n"
    )


def _html_table(table: str) -> str:
    heading, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in heading)
    body = "".join(
        "<tr><th>"
        + html.escape(row[0])
        + "</th>"
        + "".join(f'<td class="number">{html.escape(cell)}</td>' for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _references(pair: Pair) -> str:
    pictures = []
    for file in pair.references:
        picture = _thumbnail(file)
        if isinstance(picture, str):
            pictures.append(f'<span class="missing">{html.escape(picture)}</span>')
            continue
        content = io.BytesIO()
        picture.save(content, format="JPEG", quality=85)
        pictures.append(f'<img alt="style reference" src="{_data(content.getvalue(), "image/jpeg")}">')
    return "".join(pictures)


def _cell(column: Column, pair: Pair) -> str:
    file = _result(column, pair)
    if file is None:
        return f'<span class="missing">{html.escape(_problem(column, pair) or "no result")}</span>'
    source = _data(file.read_bytes(), mimetypes.guess_type(file.name)[0] or "application/octet-stream")
    words = html.escape(f"{column.title}: {pair.prompt}", quote=True)
    if file.suffix.lower() in STREAMED:
        return f'<video autoplay loop muted playsinline controls aria-label="{words}" src="{source}"></video>'
    return f'<img alt="{words}" src="{source}">'


def _data(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _sheet(columns: Sequence[Column], pairs: Sequence[Pair]) -> Image.Image:
    """The references in one cell, then the middle frame of each method."""
    rows = [
        [_mosaic(pair.references), *(_middle_frame(_result(column, pair)) for column in columns)]
        for pair in pairs
    ]
    sheet = labelled_sheet(
        [[torch.from_numpy(np.asarray(cell, dtype=np.float32) / 255) for cell in row] for row in rows],
        [pair.prompt for pair in pairs],
        ["reference", *(column.title for column in columns)],
    )
    return Image.fromarray((sheet * 255).round().byte().numpy())


def _middle_frame(file: Path | None) -> Image.Image:
    """The middle frame of a result; in red why there is none."""
    picture = "no result" if file is None else _thumbnail(file)
    if not isinstance(picture, str):
        return ImageOps.fit(picture, (CELL, CELL), Image.Resampling.LANCZOS)
    cell = Image.new("RGB", (CELL, CELL), "white")
    words = "\n".join(wrapped(picture, CELL - 2 * MARGIN, LETTER_SIZE))
    ImageDraw.Draw(cell).multiline_text((MARGIN, MARGIN), words, "red", font(LETTER_SIZE))
    return cell


def _mosaic(files: Sequence[Path]) -> Image.Image:
    """Up to nine references in one cell."""
    across = 1 if len(files) == 1 else 2 if len(files) <= 4 else 3
    side = CELL // across
    cell = Image.new("RGB", (CELL, CELL), "white")
    for number, file in enumerate(files[: across**2]):
        picture = _thumbnail(file)
        if not isinstance(picture, str):
            small = ImageOps.fit(picture, (side, side), Image.Resampling.LANCZOS)
            cell.paste(small, (number % across * side, number // across * side))
    return cell


def _thumbnail(file: Path) -> Image.Image | str:
    """The middle frame, at most 400 pixels wide; why there is none where it cannot be read."""
    try:
        count = sum(len(piece) for piece in pieces_of(file))  # decoded twice, so that a long film fits
        frame = next(islice((frame for piece in pieces_of(file) for frame in piece), count // 2, None))
    except StyleCrafterError as problem:
        return f"{file.name}: {problem.found}"
    picture = Image.fromarray((frame * 255).round().byte().numpy())
    picture.thumbnail((400, 400), Image.Resampling.LANCZOS)
    return picture
