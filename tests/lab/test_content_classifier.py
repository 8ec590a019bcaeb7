"""The content judge learns shapes, not colours, and comes back from its file as it was."""

import pytest
import torch
from safetensors.torch import save_file

from lab.measures import (
    ContentClassifier,
    load_classifier,
    save_classifier,
    train_classifier,
)
from lab.measures.augmentation import augmented
from lab.measures.content_classifier import SIDE, classifier_input
from stylecrafter_core.errors import InputError, WeightFileError

CLASSES = ("a disc", "a cross", "a frame")


def shapes(count, seed):
    """Discs, crosses and frames in colours that say nothing about the shape: [N, S, S, 3], [N]."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % len(CLASSES)
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    pictures = []
    for label in labels.tolist():
        x, y = (SIDE * (0.4 + 0.2 * torch.rand(2, generator=rng))).tolist()
        size = 12 + 8 * float(torch.rand((), generator=rng))
        right, down = (columns - x).abs(), (rows - y).abs()
        far = torch.maximum(right, down)
        masks = (
            right.square() + down.square() < size**2,
            (torch.minimum(right, down) < size / 4) & (far < size),
            (far < size) & (far > 0.65 * size),
        )
        one, other = torch.rand(2, 3, generator=rng)
        other = torch.where((one - other).abs().sum() < 0.5, 1 - one, other)
        pictures.append(torch.where(masks[label][..., None], one, other))
    return torch.stack(pictures), labels


@pytest.fixture(scope="module")
def classifier():
    pictures, labels = shapes(600, seed=0)
    return train_classifier(classifier_input(pictures), labels, CLASSES, seed=0, steps=90)


def test_it_is_small():
    assert sum(weight.numel() for weight in ContentClassifier(CLASSES).parameters()) <= 500_000


def test_it_recognises_pictures_it_has_not_seen(classifier):
    pictures, labels = shapes(90, seed=1)
    assert classifier.recognised(pictures, labels).mean() >= 0.9


def test_colour_and_grain_do_not_mislead_it(classifier):
    pictures, labels = shapes(90, seed=2)
    grain = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
    painted = (pictures.mean(dim=-1, keepdim=True) * torch.tensor([0.9, 0.6, 0.3]) + 0.1 * grain).clamp(0, 1)
    assert classifier.recognised(painted, labels).mean() >= 0.8


def test_probabilities_sum_to_one_at_any_size(classifier):
    probabilities = classifier.probabilities(torch.rand(2, 50, 130, 3))
    assert probabilities.shape == (2, 3)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2))


def test_the_same_seed_gives_the_same_network():
    pictures, labels = shapes(64, seed=3)
    inputs = classifier_input(pictures)
    first, second, other = (train_classifier(inputs, labels, CLASSES, seed, 2) for seed in (5, 5, 6))
    assert torch.equal(first.head.weight, second.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_it_comes_back_from_its_file(classifier, tmp_path):
    save_classifier(classifier, tmp_path / "judge.safetensors")
    again = load_classifier(tmp_path / "judge.safetensors")
    pictures, _ = shapes(9, seed=4)
    assert again.classes == CLASSES
    assert torch.equal(again.probabilities(pictures), classifier.probabilities(pictures))
    assert [file.name for file in tmp_path.iterdir()] == ["judge.safetensors"]


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.ones(1)}, path)
    with pytest.raises(WeightFileError, match=r"other\.safetensors is not a content classifier"):
        load_classifier(path)


def test_a_file_that_lacks_a_tensor_is_refused(classifier, tmp_path):
    from lab.measures.content_classifier import FORMAT

    path = tmp_path / "part.safetensors"
    save_file({"head.bias": torch.ones(3)}, path, metadata={"format": FORMAT, "classes": '["a", "b", "c"]'})
    with pytest.raises(WeightFileError, match="does not hold exactly one complete content classifier"):
        load_classifier(path)


@pytest.mark.parametrize(
    ("inputs", "labels", "steps", "words"),
    [
        (torch.zeros(2, 3, 32, 32), torch.tensor([0, 1]), 1, r"pictures \[2, 3, 32, 32\]"),
        (torch.zeros(2, 3, 64, 64), torch.tensor([0]), 1, r"labels \[1\]"),
        (torch.zeros(2, 3, 64, 64), torch.tensor([0, 3]), 1, "labels from 0 to 3, 3 classes"),
        (torch.zeros(2, 3, 64, 64), torch.tensor([0, 1]), 0, "0 steps"),
    ],
)
def test_bad_training_sets_are_refused(inputs, labels, steps, words):
    with pytest.raises(InputError, match=words):
        train_classifier(inputs, labels, CLASSES, seed=0, steps=steps)


def test_augmentation_changes_pictures_within_their_range_and_by_its_generator_alone():
    pictures = classifier_input(shapes(32, seed=5)[0])
    first, second = (augmented(pictures, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == pictures.shape
    assert 0 <= first.min() <= first.max() <= 1
    assert (first - pictures).abs().mean() > 0.1
