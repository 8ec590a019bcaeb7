"""Scores of the variants to tables: each number with its interval, beside the paper's, and whether it agrees.

S training seeds, P paintings, K prompts: the same for every variant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..judging.judges import WORDS
from ..measures import Estimate, estimate, markdown_table, paired_difference
from .variants import Table, Variant

Values = Mapping[str, Sequence[Sequence[Sequence[float]]]]  # measure -> [S][P][K]
Scores = Mapping[str, Values]  # variant -> its values

NOT_MEASURED = "not measured"


def value_rows(table: Table, scores: Scores) -> list[list[str | int | Estimate]]:
    """A row for each variant: its title, the seeds, our numbers, the paper's."""
    return [_value_row(table, variant, scores.get(variant.name)) for variant in table.variants]


def difference_rows(table: Table, scores: Scores) -> list[list[str | int | Estimate]]:
    """A row for each ablation and measure of the paper: variant − full, ours and published, and the verdict.

    Seeds, paintings and prompts are compared one by one.
    """
    full, *ablations = table.variants
    return [
        _difference_row(table, column, full, variant, scores)
        for variant in ablations
        if variant.name in scores and full.name in scores
        for column in range(len(table.measured))
    ]


def values_table(table: Table, scores: Scores) -> str:
    """`value_rows` as Markdown."""
    ours = [WORDS[name] for name in (*table.measured, *table.beside)]
    heading = ["variant", "seeds", *ours, *(f"paper: {name}" for name in table.paper_columns)]
    return markdown_table(heading, value_rows(table, scores))


def differences_table(table: Table, scores: Scores) -> str:
    """`difference_rows` as Markdown."""
    heading = ["variant − full", "measure", "here", "paper", "as in the paper?"]
    return markdown_table(heading, difference_rows(table, scores))


def verdict(found: Estimate, published: float) -> str:
    """Whether a difference goes the paper's way: yes or no where its interval leaves out 0, else open."""
    if not (found.low > 0 or found.high < 0):
        return "open"
    return "yes" if (found.mean > 0) == (published > 0) else "no"


def _value_row(table: Table, variant: Variant, values: Values | None) -> list[str | int | Estimate]:
    measures = (*table.measured, *table.beside)
    if values is None:
        found: list[str | int | Estimate] = ["-", *[NOT_MEASURED] * len(measures)]
    else:
        found = [str(len(values[measures[0]])), *(estimate(values[name]) for name in measures)]
    return [variant.title, *found, *map(str, variant.paper)]


def _difference_row(
    table: Table, column: int, full: Variant, variant: Variant, scores: Scores
) -> list[str | int | Estimate]:
    measure = table.measured[column]
    found = paired_difference(scores[variant.name][measure], scores[full.name][measure])
    published = variant.paper[column] - full.paper[column]
    return [variant.title, WORDS[measure], found, f"{published:+.4g}", verdict(found, published)]
