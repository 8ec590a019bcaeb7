"""The copy check finds copies, moved and mirrored ones too, and nothing else."""

import math

import pytest
import torch
from torch.nn import functional as F

from lab.measures import copy_scores
from stylecrafter_core.errors import InputError


def scenes(count, side=128, seed=0):
    """Soft coloured blotches, [B, side, side, 3]: pictures with a layout and a palette of their own."""
    coarse = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    pictures = F.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)
    return pictures.movedim(1, -1).clamp(0, 1)


PICTURES = scenes(8)


def test_a_copy_is_found():
    assert copy_scores(PICTURES, PICTURES).min() > 0.999


def test_a_mirrored_copy_is_found():
    assert copy_scores(PICTURES.flip(2), PICTURES).min() > 0.999


def test_a_moved_copy_is_found():
    # 8 of 128 pixels are 2 of the 32 that are compared.
    moved, still = PICTURES[:, 8:, :-8], PICTURES[:, :-8, 8:]
    assert copy_scores(moved, still).min() > 0.99
    unmoved = copy_scores(PICTURES.roll(64, 2), PICTURES)
    assert unmoved.mean() < 0.6


def test_a_smaller_blurred_recoloured_copy_is_found():
    small = F.avg_pool2d(PICTURES.movedim(-1, 1), 2).movedim(1, -1)
    palette = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.3, 0.6]])
    assert copy_scores(0.8 * small @ palette.T, PICTURES).min() > 0.95


def test_unrelated_pictures_score_low():
    scores = copy_scores(PICTURES, scenes(8, seed=1))
    assert scores.mean() < 0.4
    assert scores.max() < 0.6


def test_a_shared_palette_alone_counts_for_nothing():
    palette = torch.tensor([[0.9, 0.4, 0.1], [0.6, 0.2, 0.1], [0.1, 0.1, 0.3]])
    one, other = PICTURES @ palette / 2, scenes(8, seed=2) @ palette / 2
    plain = F.cosine_similarity(one.flatten(1), other.flatten(1))
    assert plain.min() > 0.8
    assert copy_scores(one, other).max() < 0.6


def test_a_flat_picture_scores_nothing():
    assert copy_scores(torch.full((1, 64, 64, 3), 0.3), PICTURES[:1]).item() == pytest.approx(0, abs=1e-3)


def test_scores_stay_within_minus_one_and_one():
    scores = copy_scores(1 - PICTURES, PICTURES)
    assert bool(((scores >= -1) & (scores <= 1)).all())


def test_results_without_a_reference_each_are_refused():
    with pytest.raises(InputError, match="2 results, 1 references"):
        copy_scores(PICTURES[:2], PICTURES[:1])


def test_pictures_that_are_none_are_refused():
    with pytest.raises(InputError, match="NaN"):
        copy_scores(torch.full((1, 8, 8, 3), math.nan), PICTURES[:1])
