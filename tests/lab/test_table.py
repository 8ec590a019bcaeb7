"""Markdown tables, character by character."""

import math

import pytest

from lab.measures import Estimate, markdown_table, with_interval
from stylecrafter_core.errors import InputError

SURE = Estimate(0.4531, 0.1, 30, 0.4309, 0.4751)
ONCE = Estimate(12.0, math.nan, 1, math.nan, math.nan)


def test_a_table_with_intervals():
    rows = [["full", 30, SURE], ["fixed | gain", 3, ONCE]]
    assert markdown_table(["variant", "n", "style"], rows) == (
        "| variant       |   n |                style |\n"
        "| ------------- | --: | -------------------: |\n"
        "| full          |  30 | 0.453 [0.431, 0.475] |\n"
        "| fixed \\| gain |   3 |               12.000 |"
    )


def test_digits():
    assert with_interval(SURE, digits=1) == "0.5 [0.4, 0.5]"


def test_a_table_without_rows_is_its_heading():
    assert markdown_table(["a"], []) == "| a   |\n| --- |"


def test_a_row_that_does_not_fit_is_named():
    with pytest.raises(InputError, match=r"Row 2[\s\S]*1 cells[\s\S]*2: a, b"):
        markdown_table(["a", "b"], [["x", "y"], ["z"]])
