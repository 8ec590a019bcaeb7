"""Rows of numbers as a Markdown table, every number with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stylecrafter_core.errors import InputError

from .intervals import Estimate

Cell = str | int | Estimate


def markdown_table(heading: Sequence[str], rows: Sequence[Sequence[Cell]], digits: int = 3) -> str:
    """A Markdown table whose source is aligned too: text to the left, numbers to the right.

    Args:
        heading: the columns' names.
        rows: as many cells each; an Estimate becomes `0.453 [0.431, 0.475]`.
        digits: after the decimal point of estimates.

    Returns:
        Lines without a trailing newline.

    Raises:
        InputError: a row has more or fewer cells than the heading.
    """
    for number, row in enumerate(rows, start=1):
        if len(row) != len(heading):
            raise InputError(
                f"Row {number} of the table does not fit its heading.",
                found=f"{len(row)} cells",
                expected=f"{len(heading)}: {', '.join(heading)}",
                fix="give every row a cell for every column; an empty text is a cell",
            )
    right = [bool(rows) and not any(isinstance(row[i], str) for row in rows) for i in range(len(heading))]
    lines = [[_escaped(name) for name in heading], *([_text(cell, digits) for cell in row] for row in rows)]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(heading))]
    rule = [("-" * (width - 1) + ":") if to_right else "-" * width for width, to_right in zip(widths, right)]
    return "\n".join(_line(line, widths, right) for line in (lines[0], rule, *lines[1:]))


def with_interval(value: Estimate, digits: int = 3) -> str:
    """`value [low, high]`; the value alone where one measurement has no interval."""
    if math.isnan(value.low):
        return f"{value.mean:.{digits}f}"
    return f"{value.mean:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"


def _text(cell: Cell, digits: int) -> str:
    return with_interval(cell, digits) if isinstance(cell, Estimate) else _escaped(str(cell))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right)
    ]
    return f"| {' | '.join(padded)} |"
