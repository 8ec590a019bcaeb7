"""The account of every tensor: its name, its shape, its values."""

import pytest
import torch

from stylecrafter_core.errors import WeightFileError
from stylecrafter_core.formats import check_values, compare


def report():
    found = {
        "good": torch.zeros(2, 3),
        "bent": torch.zeros(3, 2, device="meta"),
        "extra": torch.zeros(1),
        "betas": torch.zeros(5),
    }
    return compare({"good": (2, 3), "bent": [2, 3], "gone": (1,)}, found, ignored=["betas"])


def test_every_name_has_its_place():
    counted = report()
    assert counted.loaded == ("good",)
    assert counted.missing == ("gone",)
    assert counted.unexpected == ("extra",)
    assert counted.wrong_shape == (("bent", (3, 2), (2, 3)),)
    assert counted.ignored == ("betas",)
    assert counted.summary() == "1 loaded, 1 missing, 1 unexpected, 1 of wrong shape, 1 ignored"


def test_strict_by_default():
    with pytest.raises(WeightFileError) as caught:
        report().raise_unless_complete("adapter.pth", "video style adapter")
    text = str(caught.value)
    assert "adapter.pth does not hold exactly one complete video style adapter." in text
    assert "1 missing: gone" in text
    assert "1 unexpected: extra" in text
    assert "1 of wrong shape: bent is [3, 2], expected [2, 3]" in text
    assert "3 tensors and no others" in text


def test_ignored_names_do_not_count_against_it():
    counted = compare({"a": (1,)}, {"a": torch.zeros(1), "betas": torch.zeros(5)}, ignored=["betas"])
    assert counted.complete
    counted.raise_unless_complete("x", "y")


@pytest.mark.parametrize(("number", "listed"), [(4, "w0, w1, w2, w3"), (9, "w0, w1, w2, w3, ...")])
def test_long_lists_are_shortened(number, listed):
    counted = compare({f"w{i}": (1,) for i in range(number)}, {})
    with pytest.raises(WeightFileError) as caught:
        counted.raise_unless_complete("x", "y")
    assert caught.value.found == f"0 tensors that fit; {number} missing: {listed}"


@pytest.mark.parametrize(("number", "listed"), [(4, "w0, w1, w2, w3"), (5, "w0, w1, w2, w3, ... (5 in all)")])
def test_long_lists_of_odd_values_are_shortened(number, listed):
    with pytest.raises(WeightFileError) as caught:
        check_values({f"w{i}": torch.tensor([0.0, float("nan")]) for i in range(number)}, "x")
    assert caught.value.found == listed
