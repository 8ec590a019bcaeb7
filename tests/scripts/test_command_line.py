"""Numbers on command lines: taken as they are meant, or refused by name."""

import pytest

from lab import make_small_data, measure_small, miniature


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (make_small_data, ["--out", "data", "--pictures", "-5"]),
        (make_small_data, ["--out", "data", "--clips", "some"]),
        (make_small_data, ["--out", "data", "--workers", "0"]),
        (measure_small, ["--paintings", "0"]),
        (measure_small, ["--prompts", "-1"]),
        (measure_small, ["--judge-scenes", "0"]),
        (miniature, ["--style-steps", "0"]),
        (miniature, ["--temporal-steps", "-3"]),
        (miniature, ["--seeds", "0", "-1"]),
        (miniature, ["--steps", "2.5"]),
    ],
)
def test_a_number_out_of_range_is_named(command, words, capsys):
    with pytest.raises(SystemExit) as ended:
        command.arguments_of(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"{words[-1]} is not a whole number of at least" in said
    assert next(word for word in reversed(words) if word.startswith("--")) in said


def test_numbers_in_range_are_taken():
    made = make_small_data.arguments_of(["--out", "data", "--pictures", "0", "--workers", "3"])
    assert (made.pictures, made.clips, made.workers) == (0, 800, 3)
    assert measure_small.arguments_of(["curve", "--paintings", "1"]).paintings == 1


def test_a_seed_that_is_given_twice_counts_once():
    assert miniature.arguments_of(["--seeds", "2", "0", "2"]).seeds == [0, 2]
