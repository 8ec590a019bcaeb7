"""A folder belongs to what it was begun with."""

import json

import pytest

from lab.family.claims import check_fields, claim
from stylecrafter_core.errors import InputError


def test_the_same_again_is_taken(tmp_path):
    wanted = {"seed": 1, "rounds": ((2, 0.5), (3, 0.25))}
    claim(tmp_path / "new" / "about.json", wanted)
    claim(tmp_path / "new" / "about.json", wanted)
    assert json.loads((tmp_path / "new" / "about.json").read_text()) == {
        "seed": 1,
        "rounds": [[2, 0.5], [3, 0.25]],
    }


@pytest.mark.parametrize("other", [{"seed": 2, "steps": 5}, {"steps": 5}, {"seed": 1, "steps": 5, "more": 2}])
def test_something_else_is_refused_with_what_differs(tmp_path, other):
    file = tmp_path / "about.json"
    claim(file, {"seed": 1, "steps": 5})
    before = file.read_bytes()
    with pytest.raises(InputError) as caught:
        claim(file, other)
    assert "steps" not in str(caught.value)
    assert caught.value.found in ("seed: 1", "more: None")
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("other", "advice"),
    [
        ({"seed": 1, "lost": [7]}, "look for it, or name"),
        ({"seed": 2, "lost": []}, "repeat the command"),
        ({"seed": 2, "lost": [7]}, "look for it and repeat the command"),
    ],
)
def test_a_field_that_no_repeated_command_changes_has_its_own_advice(tmp_path, other, advice):
    file = tmp_path / "about.json"
    claim(file, {"seed": 1, "lost": []})
    with pytest.raises(InputError) as caught:
        claim(file, other, {"lost": "look for it"})
    assert caught.value.fix.startswith(advice)
    assert ("repeat" in caught.value.fix) == (other["seed"] == 2)
    assert caught.value.fix.endswith("or name another folder with --work or --out")


def test_single_fields_are_compared_and_others_may_be_anything(tmp_path):
    file = tmp_path / "about.json"
    claim(file, {"seed": 1, "sizes": (2, 3), "lost": [7]})
    check_fields(file, {"seed": 1, "sizes": (2, 3)})
    with pytest.raises(InputError) as caught:
        check_fields(file, {"seed": 2, "more": 1})
    assert (caught.value.found, caught.value.expected) == ("more: None; seed: 1", "more: 1; seed: 2")


@pytest.mark.parametrize("text", ["", '{"seed": ', "[1, 2]"])
def test_a_damaged_record_is_named(tmp_path, text):
    file = tmp_path / "about.json"
    file.write_text(text)
    with pytest.raises(InputError, match=r"about\.json does not say"):
        claim(file, {"seed": 1})
    assert file.read_text() == text
