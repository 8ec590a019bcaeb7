"""Scores as CSV and Markdown, and several methods' scores side by side."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping

from stylecrafter_core.errors import InputError

from ..measures import Estimate, markdown_table
from .scoring import Document

# What is shown first, with the direction that is better; all others follow.
BETTER = {
    "clip_text": "↑",
    "conse_text": "↑",
    "clip_style": "↑",
    "clip_style_max": "↑",
    "dino_style": "↑",
    "dino_style_max": "↑",
    "style_distance": "↓",
    "style_distance_min": "↓",
    "clip_temp": "↑",
    "dino_temp": "↑",
    "warp_error": "↓",
    "warp_error_masked": "↓",
    "flicker": "↓",
    "copied": "↓",
}


def as_csv(document: Document) -> str:
    """A row for each result; problems in the last column."""
    names = list(document["summary"])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "prompt", "references", *names, "problem"])
    for row in document["pairs"]:
        values = row.get("values", {})
        cells = ["" if values.get(name) is None else repr(values[name]) for name in names]
        writer.writerow(
            [row["name"], row["prompt"], " ".join(row["references"]), *cells, row.get("problem", "")]
        )
    return text.getvalue()


def as_markdown(documents: Mapping[str, Document]) -> str:
    """A table of methods: a line for each number, a column for each method.

    Raises:
        InputError: the same metric was computed in two versions or with two files of weights.
    """
    check_versions(documents)
    names = list(dict.fromkeys(name for document in documents.values() for name in document["summary"]))
    order = list(BETTER)
    names.sort(key=lambda name: order.index(_stem(name)) if _stem(name) in BETTER else len(order))
    rows = [
        [
            f"{name} {BETTER.get(_stem(name), '')}".strip(),
            *(_cell(document["summary"].get(name)) for document in documents.values()),
        ]
        for name in names
    ]
    counts = [
        f"{sum('values' in row for row in document['pairs'])} of {len(document['pairs'])}"
        for document in documents.values()
    ]
    return markdown_table(["", *documents], [["results scored", *counts], *rows], digits=4)


def check_versions(documents: Mapping[str, Document]) -> None:
    """Raises InputError where numbers of one name are not comparable."""
    known: dict[str, tuple[str, dict]] = {}
    for method, document in documents.items():
        for metric in document["metrics"]:
            first, about = known.setdefault(metric["name"], (method, metric))
            if about != metric:
                raise InputError(
                    f"The metric {metric['name']} is not the same in all scores.",
                    found=f"{_words(about)} in {first}, {_words(metric)} in {method}",
                    expected="one version and one file of weights",
                    fix=f"score {first if about['version'] < metric['version'] else method} again",
                )


def _words(metric: dict) -> str:
    weights = ", ".join(f"{name} {digest[:8]}" for name, digest in metric["weights"].items())
    return f"version {metric['version']}" + (f" with {weights}" if weights else "")


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _cell(summary: dict | None) -> str | Estimate:
    if summary is None:
        return "–"
    return Estimate(**{name: math.nan if value is None else value for name, value in summary.items()})
