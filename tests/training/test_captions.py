"""Captions lose their style words and nothing else; expected results are written by hand."""

import time
from pathlib import Path

import pytest

from stylecrafter_core.training.captions import clean_caption

LINES = (Path(__file__).parent / "captions.txt").read_text(encoding="utf-8").splitlines()
TABLE = [tuple(part.strip() for part in line.split("=>")) for line in LINES]


def test_the_table_is_long():
    assert len(TABLE) > 200


@pytest.mark.parametrize(("raw", "cleaned"), TABLE)
def test_style_words_go_and_content_stays(raw, cleaned):
    assert clean_caption(raw) == cleaned


@pytest.mark.parametrize("raw", [raw for raw, _ in TABLE])
def test_cleaning_again_changes_nothing(raw):
    assert clean_caption(clean_caption(raw)) == clean_caption(raw)


@pytest.mark.parametrize(
    "raw", [raw for raw, cleaned in TABLE if "(?" not in raw and raw.islower() and cleaned]
)
def test_capitals_make_no_difference(raw):
    # Names of unknown artists are known by their capitals; the table's lower-case ones do not depend on them.
    assert clean_caption(raw.capitalize()).lower() == clean_caption(raw).lower()


def test_spaces_and_lines_become_one_line():
    assert clean_caption("  a  dog\n\ton a hill \n") == "a dog on a hill"


def test_nothing_stays_nothing():
    assert clean_caption("") == clean_caption(" \n") == ""


@pytest.mark.parametrize("piece", ["oil ", "in the style of ", "a painting of ", "x", ", ", "A. ", "by Xx "])
def test_no_caption_takes_long(piece):
    start = time.process_time()
    clean_caption(piece * 20_000)
    assert time.process_time() - start < 5


def test_text_beyond_what_encoders_read_is_left_out_at_a_word():
    cleaned = clean_caption("a fox and a hen " * 200)
    assert 1000 - len("and ") <= len(cleaned) <= 1000
    assert set(cleaned.split()) == {"a", "fox", "and", "hen"}
