"""Cosines of an embedder whose numbers are known, and what every metric refuses."""

import math

import pytest
import torch

from stylecrafter_core.errors import InputError
from stylecrafter_core.metrics import Similarity, Wanted, measure


class MeanColour:
    """A picture is its mean colour; a prompt is one of three."""

    backend, weights = "mean_colour", {}

    def pictures(self, pictures_bhwc):
        return pictures_bhwc.mean(dim=(1, 2))

    def text(self, prompt):
        return torch.eye(3)[["red", "green", "blue"].index(prompt)]


def plain(*colours):
    return torch.tensor(colours).float().view(len(colours), 1, 1, 3).expand(-1, 8, 8, -1)


RED, GREEN, YELLOW = (1, 0, 0), (0, 1, 0), (1, 1, 0)
METRIC = Similarity("clip", MeanColour())
DIAGONAL = 1 / math.sqrt(2)


def test_known_cosines():
    references = (plain(RED)[0], plain(GREEN)[0])
    found = measure([METRIC], [plain(RED, YELLOW)], Wanted(references, "red"))
    assert found == pytest.approx(
        {
            "clip_text.mean_colour": (1 + DIAGONAL) / 2,
            "clip_style.mean_colour": (0.5 + DIAGONAL) / 2,
            "clip_style_max.mean_colour": (1 + DIAGONAL) / 2,
            "clip_temp.mean_colour": DIAGONAL,
        }
    )


def test_identical_frames_have_a_temporal_cosine_of_one_and_a_picture_has_none():
    wanted = Wanted((plain(RED)[0],), "red")
    assert measure([METRIC], [plain(YELLOW, YELLOW, YELLOW)], wanted)[
        "clip_temp.mean_colour"
    ] == pytest.approx(1)
    assert "clip_temp.mean_colour" not in measure([METRIC], [plain(YELLOW)], wanted)


def test_pieces_of_any_length_give_the_same_numbers():
    clip = torch.rand(40, 8, 8, 3, generator=torch.Generator().manual_seed(0))
    wanted = Wanted((plain(RED)[0],), "green")
    whole = measure([METRIC], [clip], wanted)
    assert measure([METRIC], clip.split(7), wanted) == pytest.approx(whole)


@pytest.mark.parametrize(
    ("pieces", "wanted", "words"),
    [
        ([plain(RED)], Wanted((plain(RED)[0],), " "), "needs a prompt"),
        ([plain(RED)], Wanted((), "red"), "needs a reference"),
        ([], Wanted((plain(RED)[0],), "red"), "no frame"),
        ([plain(RED), plain(RED, RED)[:, :4]], Wanted((plain(RED)[0],), "red"), "8 × 4 pixels at frame 2"),
        ([plain(RED), plain(RED, (0, math.nan, 0))], Wanted((plain(RED)[0],), "red"), "in frame 3"),
        ([plain((255, 0, 0))], Wanted((plain(RED)[0],), "red"), "255"),
    ],
)
def test_what_cannot_be_measured_is_named(pieces, wanted, words):
    with pytest.raises(InputError, match=words):
        measure([METRIC], pieces, wanted)
