"""Plain text in columns, for people; needs neither torch nor the host."""

from __future__ import annotations

from collections.abc import Sequence


def columns(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A heading and rows of equal length: columns of numbers to the right, all others to the left."""
    return _aligned(
        [heading, *rows], [all(_is_number(row[column]) for row in rows) for column in range(len(heading))]
    )


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of equal length: the first column to the left, the others to the right."""
    return _aligned(rows, [column > 0 for column in range(len(rows[0]))])


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and what is said of them, one pair a line."""
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name.ljust(width)}  {words}" for name, words in pairs)


def _aligned(lines: Sequence[Sequence[str]], to_the_right: Sequence[bool]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(len(to_the_right))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, to_the_right)
        ).rstrip()
        for line in lines
    )


def _is_number(cell: str) -> bool:
    return cell.replace(".", "", 1).isdecimal()
