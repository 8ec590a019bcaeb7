"""The recipe's first stage: data that lies there is used if it is whole and of the recipe's seed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.family import amounts, data, gallery, plan, recipe
from lab.family.data import Counts, make_data
from lab.scenes import TASKS
from stylecrafter_core.errors import InputError

SEED = 5
SIZE = replace(amounts.TINY, data=Counts(pictures=3, clips=1))
ENGINE = recipe.Engine()


@pytest.fixture(autouse=True)
def only_the_data(monkeypatch):
    """No stage after the data, few paintings, inverted colours in place of the style network."""
    few = gallery.catalogue()[:10]
    monkeypatch.setattr(gallery, "catalogue", lambda: few)
    monkeypatch.setattr(data, "style_network_file", lambda: None)
    monkeypatch.setattr("lab.styles.adain.render", lambda style, picture: 255 - picture)
    monkeypatch.setattr(recipe, "_stage", lambda *_: None)
    plan.style_of.cache_clear()


def test_data_of_another_seed_is_refused_and_the_folder_stays_free(tmp_path):
    make_data(tmp_path / "data", SEED + 1, SIZE.data, task=TASKS[SIZE.task])
    with pytest.raises(InputError, match="begun with something else") as caught:
        recipe.make_base(tmp_path, SEED, SIZE, ENGINE)
    assert caught.value.found == f"seed: {SEED + 1}"
    assert caught.value.expected == f"seed: {SEED}"
    assert not (tmp_path / recipe.RECIPE).exists()
    recipe.make_base(tmp_path, SEED + 1, SIZE, ENGINE)


def test_data_that_another_seed_only_began_is_refused_as_well(tmp_path):
    make_data(tmp_path / "data", SEED + 1, SIZE.data, task=TASKS[SIZE.task])
    (tmp_path / "data" / data.RECORDS).unlink()
    with pytest.raises(InputError, match="begun with something else"):
        recipe.make_base(tmp_path, SEED, SIZE, ENGINE)
    assert not (tmp_path / recipe.RECIPE).exists()


def test_data_of_the_same_seed_is_used_as_it_is(tmp_path, monkeypatch):
    make_data(tmp_path / "data", SEED, SIZE.data, task=TASKS[SIZE.task])
    monkeypatch.setattr(recipe, "make_data", lambda *_: pytest.fail("made again"))
    recipe.make_base(tmp_path, SEED, SIZE, ENGINE)


@pytest.mark.parametrize("name", ["pictures/00001.jpg", "pictures/00002.txt", "clips/0000.mp4"])
def test_a_deleted_file_is_made_again(tmp_path, name):
    recipe.make_base(tmp_path, SEED, SIZE, ENGINE)
    victim = tmp_path / "data" / name
    before = victim.read_bytes()
    victim.unlink()
    recipe.make_base(tmp_path, SEED, SIZE, ENGINE)
    assert victim.read_bytes() == before
