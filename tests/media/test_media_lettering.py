"""What the font of charts and sheets lacks is written with what it has."""

import pytest

from stylecrafter_core.media.lettering import font, without_accents


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Paul Cézanne, à l'été", "Paul Cezanne, a l'ete"),
        ("Ce\u0301zanne", "Cezanne"),
        ("A red fox, 3/4 of it.", "A red fox, 3/4 of it."),
        ("e\u0301\u0323q\u0301", "eq"),
        ("½ ü ≠ 狐狸 여우", "½ u ≠ 狐狸 여우"),
    ],
    ids=["composed", "decomposed", "plain", "several marks", "the rest stays"],
)
def test_letters_lose_their_accents(text, written):
    assert without_accents(text) == written


def test_what_is_written_has_glyphs():
    missing = bytes(font(12).getmask("\u0378"))
    assert missing not in [bytes(font(12).getmask(letter)) for letter in without_accents("Cézanne, à l'été")]
