"""Rendered scenes: the same whatever was drawn before, and their captions and motions tell the truth."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest

from lab.family import contents
from lab.family.contents import FIRST_OF_JUDGES
from lab.family.sizes import FRAMES
from lab.scenes import Scene, caption_of, draw_clip, draw_picture, random_scene
from lab.scenes.backgrounds import draw_background
from lab.scenes.colours import NAMED
from lab.scenes.subjects import BY_NAME
from lab.scenes.task import EIGHT, SIXTEEN
from stylecrafter_core.training.captions import clean_caption

SUBJECTS, BACKGROUNDS, SIZES = SIXTEEN.subject_names, SIXTEEN.place_names, tuple(SIXTEEN.sizes)
SIDE = SIXTEEN.side

PLACE_WORDS = {
    "meadow": "meadow", "houses": "houses", "sea": "sea", "mountains": "mountains?", "night": "night|starry",
    "desert": "desert", "forest": "forest", "snow": "snow|snowy", "city": "city|buildings",
    "sunset": "sunset|setting sun", "castle": "castle", "volcano": "volcano",
}  # fmt: skip
WAY_WORDS = {
    "left": "to the left|towards the left|right to left",
    "right": "to the right|towards the right|left to right",
    "up": "up|upwards|higher|rises|rising|climbs|climbing",
    "down": "down|downwards|lower|sinks|sinking|falls|falling",
    "nearer": "nearer|closer",
    "away": "away|into the distance",
}
ACTIONS = (
    "runs|running|walks?|walking|trots?|flies|flying|swims|swimming|drives|driving|rolls|sails|hops|jumps|drifts|"
    "moves|moving|comes|goes"
)


def scene_of(number: int, moving: bool = True, **parts: str) -> Scene:
    scene = replace(random_scene(np.random.default_rng([3, number]), moving, SIXTEEN), **parts)
    colours = BY_NAME[scene.subject].colours
    return scene if scene.colour in colours else replace(scene, colour=colours[number % len(colours)])


@cache
def many() -> tuple[Scene, ...]:
    return tuple(scene_of(number, moving=number % 3 > 0) for number in range(3000))


def says(pattern: str, caption: str) -> bool:
    return re.search(rf"\b(?:{pattern})\b", caption) is not None


def traces(scene: Scene) -> list[np.ndarray]:
    """Where each frame differs from the empty background: coordinates [N, 2], x and y, in sides."""
    empty = draw_background(scene, SIDE)
    differs = [np.abs(frame - empty).max(axis=-1) > 20 for frame in draw_clip(scene, FRAMES).astype(float)]
    return [np.argwhere(mask)[:, ::-1] / SIDE for mask in differs]


def middle_of(trace: np.ndarray) -> np.ndarray:
    return (trace.min(axis=0) + trace.max(axis=0)) / 2


def test_a_scene_does_not_depend_on_what_was_drawn_before() -> None:
    first, second = scene_of(1), scene_of(2)
    clip, caption = draw_clip(second), caption_of(second)
    draw_clip(first), caption_of(first)
    assert np.array_equal(draw_clip(second), clip)
    assert caption_of(second) == caption
    assert scene_of(2) == second


@pytest.mark.parametrize("number", range(12))
def test_the_picture_is_the_middle_frame(number: int) -> None:
    scene = scene_of(number)
    picture, clip = draw_picture(scene), draw_clip(scene)
    assert (picture.shape, picture.dtype) == ((SIDE, SIDE, 3), np.uint8)
    assert (clip.shape, clip.dtype) == ((FRAMES, SIDE, SIDE, 3), np.uint8)
    assert np.array_equal(clip[FRAMES // 2], picture)
    assert np.array_equal(draw_clip(scene, frames=5)[2], picture)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_is_seen_before_every_background(subject: str) -> None:
    for number, background in enumerate(BACKGROUNDS):
        scene = scene_of(number, moving=False, subject=subject, background=background)
        differs = np.abs(draw_picture(scene) - draw_background(scene, SIDE)).max(axis=-1) > 20
        assert 0.015 < differs.mean() < 0.45, scene


@pytest.mark.parametrize(("subject", "size"), list(product(SUBJECTS, SIZES)))
def test_a_subject_takes_30_to_65_percent_of_the_side(subject: str, size: str) -> None:
    scene = scene_of(5, moving=False, subject=subject, size=size, place="middle", background="snow")
    trace = traces(scene)[FRAMES // 2]
    assert 0.29 < np.ptp(trace, axis=0).max() < 0.68


@pytest.mark.parametrize(
    ("subject", "motion"), [(name, motion) for name in SUBJECTS for motion in BY_NAME[name].motions]
)
def test_a_subject_moves_as_the_scene_says(subject: str, motion: str) -> None:
    facing = motion if motion in ("left", "right") else "right"
    scene = scene_of(9, subject=subject, motion=motion, size="small", place="middle", facing=facing)
    first, last = (traces(scene)[number] for number in (0, -1))
    moved = middle_of(last) - middle_of(first)
    grown = np.ptp(last, axis=0).max() / np.ptp(first, axis=0).max()
    if motion in ("left", "right"):
        assert 0.25 < moved[0] * (1 if motion == "right" else -1) < 0.6
    elif motion in ("up", "down"):
        assert 0.25 < moved[1] * (1 if motion == "down" else -1) < 0.6
    elif motion == "stays":
        assert np.abs(moved).max() < 0.08  # wings beat
        assert 0.85 < grown < 1.18
    else:
        assert 1.7 < (grown if motion == "nearer" else 1 / grown) < 3.0


def test_what_crosses_the_picture_looks_where_it_goes() -> None:
    assert all(scene.facing == scene.motion for scene in many() if scene.motion in ("left", "right"))
    rightwards = scene_of(4, subject="fish", motion="right", facing="right", place="middle")
    leftwards = replace(rightwards, motion="left", facing="left")
    middles = [traces(scene)[FRAMES // 2] for scene in (rightwards, leftwards)]
    heavier = [(trace.mean(axis=0) - middle_of(trace))[0] for trace in middles]
    assert abs(heavier[0]) > 0.02
    assert heavier[1] == pytest.approx(-heavier[0], abs=0.01)


def test_attributes_do_not_betray_each_other() -> None:
    """Every subject meets every background, and equally often: chi-squared with 165 degrees of freedom."""
    counts = np.zeros((len(SUBJECTS), len(BACKGROUNDS)))
    for scene in many():
        counts[SUBJECTS.index(scene.subject), BACKGROUNDS.index(scene.background)] += 1
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    assert ((counts - expected) ** 2 / expected).sum() < 215  # exceeded by chance once in 200 times
    assert len(SUBJECTS) >= 16
    assert len(BACKGROUNDS) >= 10


def test_captions_name_the_subject_and_nothing_that_is_not_there() -> None:
    for scene in many():
        caption = caption_of(scene)
        assert [name for name in SUBJECTS if says(name, caption)] == [scene.subject], caption
        assert {name for name in NAMED if says(name, caption)} <= {scene.colour}, caption
        places = {name for name, words in PLACE_WORDS.items() if says(words, caption)}
        assert places <= {scene.background}, caption
        assert not (says("small", caption) and scene.size != "small"), caption
        assert not (says("large|big", caption) and scene.size != "large"), caption


def test_captions_say_where_things_go_and_a_still_one_has_no_motion() -> None:
    for scene in many():
        caption = caption_of(scene)
        ways = {way for way, words in WAY_WORDS.items() if says(words, caption)}
        assert ways == ({scene.motion} - {"stays"}), caption
        if scene.motion == "stays":
            assert not says(ACTIONS, caption), caption
            sides = {side for side in ("left", "right") if says(f"on the {side}", caption)}
            assert sides <= {scene.place}, caption


def test_captions_speak_of_content_only() -> None:
    """The trainer's own cleaning finds no word of style in them."""
    for caption in {caption_of(scene) for scene in many()}:
        assert clean_caption(caption) == caption


def test_captions_vary() -> None:
    still = Scene("fox", "red", "houses", "large", "left", "stays", "left", 0, SIXTEEN)
    running = replace(still, motion="left", place="middle")
    for scene in (still, running):
        captions = {caption_of(replace(scene, number=number)) for number in range(200)}
        assert len(captions) > 60
    assert any(caption.startswith("in front of houses, a") for caption in captions)
    assert any(says("big red fox", caption) for caption in captions)


def test_one_colour_is_many_shades_and_colours_differ() -> None:
    """The balloon's middle stripe."""

    def shade(colour: str, number: int) -> np.ndarray:
        scene = Scene("hot-air balloon", colour, "snow", "large", "middle", "stays", "left", number, SIXTEEN)
        trace = traces(scene)[FRAMES // 2]
        x, y = middle_of(trace)[0], trace[:, 1].min() + 0.18
        return draw_picture(scene)[round(y * SIDE), round(x * SIDE)].astype(float)

    reds, blues = (np.stack([shade(colour, number) for number in range(6)]) for colour in ("red", "blue"))
    assert len(np.unique(reds, axis=0)) == 6
    assert (reds[:, 0] > reds[:, 2] + 60).all()
    assert (blues[:, 2] > blues[:, 0] + 60).all()


def test_one_background_has_many_layouts() -> None:
    for background in BACKGROUNDS:
        scene = scene_of(1, moving=False, subject="fox", background=background)
        first, second = (draw_background(replace(scene, number=number), SIDE) for number in (1, 2))
        assert np.abs(first - second).mean() > 4


def eight(number: int, moving: bool) -> Scene:
    return random_scene(np.random.default_rng([4, number]), moving, EIGHT)


def test_the_smaller_task_has_large_subjects_and_short_captions() -> None:
    scenes = [eight(number, moving=number % 3 > 0) for number in range(600)]
    assert {scene.subject for scene in scenes} == set(EIGHT.subjects)
    assert {scene.background for scene in scenes} == set(EIGHT.places)
    captions = [caption_of(scene) for scene in scenes]
    assert max(len(caption.split()) for caption in captions) <= 18
    for caption, scene in zip(captions, scenes):
        assert [name for name in SUBJECTS if says(name, caption)] == [scene.subject], caption
        assert scene.facing == "left" if scene.motion == "left" else scene.facing == "right"


@pytest.mark.parametrize("subject", EIGHT.subjects)
def test_a_subject_of_the_smaller_task_takes_half_to_three_quarters_of_the_side(subject: str) -> None:
    scenes = (eight(number, moving=False) for number in range(100))
    scene = next(found for found in scenes if found.subject == subject)
    picture = draw_picture(scene)
    assert picture.shape == (EIGHT.side, EIGHT.side, 3)
    differs = np.argwhere(np.abs(picture - draw_background(scene, EIGHT.side)).max(axis=-1) > 20)
    assert 0.5 < np.ptp(differs, axis=0).max() / EIGHT.side < 0.76


def test_each_subject_of_the_smaller_task_has_pairs_that_only_judges_see() -> None:
    everything = [
        Scene(subject, colour, place, "large", "middle", "stays", "right", 0, EIGHT)
        for subject, colour, place in product(EIGHT.subjects, EIGHT.subjects["fish"].colours, EIGHT.places)
    ]
    kept = [shown for shown in everything if shown.is_kept]
    for subject in EIGHT.subjects:
        own = [shown for shown in kept if shown.subject == subject]
        assert len(own) == 6
        assert {shown.colour for shown in own} == set(EIGHT.subjects[subject].colours)
        assert {shown.background for shown in own} == set(EIGHT.places)
    learnt = [contents.scene(0, number, number % 2 > 0, EIGHT) for number in range(600)]
    assert not any(shown.is_kept for shown in learnt)
    judged = [contents.scene(0, FIRST_OF_JUDGES + number, False, EIGHT) for number in range(200)]
    assert any(shown.is_kept for shown in judged)
    assert not any(shown.is_kept for shown in many())  # nothing of the wider task is kept
