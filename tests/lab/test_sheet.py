"""A sheet shows every picture in its place, beside its words."""

import pytest
import torch

from lab.measures import labelled_sheet
from lab.measures.sheet import GAP, HEADER_HEIGHT, LABEL_WIDTH
from stylecrafter_core.errors import InputError


def test_pictures_stand_in_rows_and_columns():
    colours = torch.rand(2, 3, 3, generator=torch.Generator().manual_seed(0))
    pictures = [[colour.expand(20, 30, 3) for colour in row] for row in colours]
    sheet = labelled_sheet(pictures, ["one", "two"], ["a", "b", "c"])
    assert sheet.shape == (HEADER_HEIGHT + 2 * (20 + GAP), LABEL_WIDTH + 3 * (30 + GAP), 3)
    for row in range(2):
        for column in range(3):
            y, x = HEADER_HEIGHT + row * (20 + GAP) + 10, LABEL_WIDTH + column * (30 + GAP) + 15
            torch.testing.assert_close(sheet[y, x], colours[row, column], atol=0.5 / 255, rtol=0)


def test_words_are_written():
    white = [[torch.ones(20, 30, 3)]]
    short, long = (labelled_sheet(white, [words], ["a"]) for words in ("i", "a red fox in a meadow"))
    assert (long < 0.5).sum() > (short < 0.5).sum() > 0


def ink(sheet):
    """How many values of the sheet are dark."""
    return int((sheet < 0.5).sum())


def test_no_picture_covers_the_words_above_it():
    words = "AdaIN of its reference, through the autoencoder"
    narrow, wide = (labelled_sheet([[torch.ones(20, width, 3)]], [""], [words]) for width in (96, 960))
    assert ink(narrow) == pytest.approx(ink(wide), rel=0.05)


def test_wide_letters_do_not_run_into_a_picture():
    black, white = torch.zeros(40, 96, 3), torch.ones(40, 96, 3)
    bare, named = (labelled_sheet([[black] * 2], [words], [words] * 2) for words in ("", "MW" * 17))
    assert named.shape[0] > bare.shape[0]
    left, right = (
        labelled_sheet([[white] * 2], [""], words)[:, 120:] for words in (["M" * 30, ""], ["", "M" * 30])
    )
    assert ink(left[:, 96:]) == ink(right[:, :100]) == 0, "each title above its own column"
    assert ink(labelled_sheet([[white]], ["MW" * 17], [""])[:, 120:]) == 0


def test_no_row_covers_the_words_of_another():
    words, white = "a green hot-air balloon hovers above the snow", torch.ones(20, 96, 3)
    none, one, three = (
        ink(labelled_sheet([[white]] * len(rows), rows, ["a"])) for rows in ([""], [words], [words] * 3)
    )
    assert three - none == 3 * (one - none) > 0


def test_pictures_without_words_are_refused():
    with pytest.raises(InputError, match="do not fit together"):
        labelled_sheet([[torch.ones(20, 30, 3)]], ["one"], ["a", "b"])
