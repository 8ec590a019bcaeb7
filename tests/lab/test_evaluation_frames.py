"""Decoding: in short pieces, beside those who measure, never far ahead."""

import threading
import time

import pytest
import torch

from lab.evaluation import frames
from lab.evaluation.frames import AHEAD, PIECE, Unreadable, decoded_ahead, pieces_of
from stylecrafter_core.errors import MediaError
from stylecrafter_core.media import write_video


def film(file, length):
    pixels = torch.rand(length, 16, 24, 3, generator=torch.Generator().manual_seed(0))
    write_video(pixels, file, format=file.suffix[1:], frame_rate=8.0)
    return file


def nothing(item):
    return None


def itself(item):
    return item


@pytest.mark.parametrize("ending", ["mp4", "webm", "gif", "webp"])
def test_a_long_film_comes_in_short_pieces(tmp_path, ending):
    pieces = list(pieces_of(film(tmp_path / f"film.{ending}", 19)))
    assert [len(piece) for piece in pieces] == [8, 8, 3]
    assert all(0 <= float(piece.min()) < float(piece.max()) <= 1 for piece in pieces)


def test_a_new_size_begins_a_new_piece():
    shapes = [(4, 6, 3)] * 3 + [(8, 6, 3)] * 2
    pieces = frames._of_one_size(torch.zeros(shape, dtype=torch.uint8).numpy() for shape in shapes)
    assert [tuple(piece.shape) for piece in pieces] == [(3, 4, 6, 3), (2, 8, 6, 3)]


def test_the_next_film_is_opened_while_this_one_is_measured(tmp_path):
    films = [film(tmp_path / f"{number}.mp4", 4) for number in range(2)]
    opened_next = threading.Event()

    def ask(file):
        if file == films[1]:
            opened_next.set()

    for opened in decoded_ahead(films, ask, itself):
        for _ in opened.pieces:
            assert opened_next.wait(timeout=30), "nothing is decoded while a piece is measured"


def test_no_more_than_a_few_pieces_wait(tmp_path, monkeypatch):
    decoded = []

    def noting(file):
        for number in range(20):
            decoded.append(number)
            yield torch.zeros(PIECE, 4, 4, 3)

    monkeypatch.setattr(frames, "pieces_of", noting)
    for opened in decoded_ahead([tmp_path], nothing, itself):
        for taken, _ in enumerate(opened.pieces, start=1):
            time.sleep(0.02)  # so that the decoder could run away
            assert len(decoded) <= taken + AHEAD + 1
    assert len(decoded) == 20


def test_a_damaged_film_between_two_whole_ones_is_the_only_one_that_fails(tmp_path):
    films = [film(tmp_path / "0.mp4", 20), tmp_path / "1.mp4", film(tmp_path / "2.mp4", 4)]
    films[1].write_bytes(films[0].read_bytes()[:300])

    def ask(file):
        if file == films[2]:
            raise MediaError("There is no reference.")

    found = []
    for opened in decoded_ahead(films, ask, itself):
        if isinstance(opened, Unreadable):
            found.append(opened.problem.what)
            continue
        try:
            found.append(sum(len(piece) for piece in opened.pieces))
        except MediaError as problem:
            found.append(problem.what)
    assert found == [20, f"The video {films[1]} cannot be read.", "There is no reference."]
