"""The measuring of the small family, without its networks: what is asked, who judges it, where it goes."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from lab.family import amounts, contents, plan
from lab.family.contents import FIRST_OF_JUDGES
from lab.judging import content
from lab.judging.document import begin, put_pictures, put_tables
from lab.judging.judges import (
    CANDIDATES,
    COPY,
    MOTION,
    NEAREST,
    RECOGNISED,
    SIMILARITY,
    WARP,
    Judges,
)
from lab.judging.lot import drawn
from lab.judging.paintings import HeldOut, held_out_paintings, square
from lab.judging.prompts import FIRST_OF_PROMPTS, prompts, short_and_long
from lab.judging.richness import colourfulness, detail, halves
from lab.judging.trial import Trial
from lab.scenes import PUBLISHED, SUBJECTS
from stylecrafter_core.errors import InputError

SIDE = PUBLISHED.side


@pytest.fixture(scope="module")
def paintings():
    return held_out_paintings()


@pytest.fixture(scope="module")
def always_right():
    """A judge of content for whom everything shows the right subject."""
    return SimpleNamespace(recognised=lambda pictures, subjects: torch.ones(len(subjects)))


def test_every_fifth_painting_is_there_and_the_judges_scenes_are_no_ones_else(paintings):
    assert len(paintings) >= 30
    assert all(painting.pixels.shape[-1] == 3 for painting in paintings)
    assert FIRST_OF_JUDGES + content.Schooling().scenes <= content.FIRST_OF_TESTS
    assert content.FIRST_OF_TESTS + content.TESTS <= FIRST_OF_PROMPTS


def test_there_is_one_prompt_for_each_subject():
    for moving in (True, False):
        asked = prompts(0, moving)
        assert [SUBJECTS[prompt.subject] for prompt in asked] == list(SUBJECTS)
        assert all(SUBJECTS[prompt.subject] in prompt.text for prompt in asked)
    assert prompts(0, True) == prompts(0, True) != prompts(1, True)


def test_no_prompt_of_a_pair_is_a_caption_of_the_data(monkeypatch):
    """Of all that the published recipe draws: plain pictures, those of the data, clips."""
    monkeypatch.setattr(contents, "draw_picture", lambda _: None)
    monkeypatch.setattr(contents, "draw_clip", lambda *_: None)
    size = amounts.SIZES[PUBLISHED.name]
    blocks = -(-size.data.pictures // plan.PICTURES_IN_BLOCK), -(-size.data.clips // plan.CLIPS_IN_BLOCK)
    pictures = {item.content for n in range(blocks[0]) for item in plan.block_of_pictures(0, n)}
    clips = {item.content for n in range(blocks[1]) for item in plan.block_of_clips(0, n)}
    pictures |= set(range(size.start.pictures))
    shown = {contents.picture_content.__wrapped__(0, number).caption for number in pictures}
    shown |= {contents.clip_content(0, number, False).caption for number in clips}
    assert len(shown) > 1000
    asked = {prompt.text for moving in (True, False) for prompt in prompts(0, moving)}
    assert len(asked) == 2 * len(SUBJECTS)
    assert not asked & shown


def test_long_prompts_say_more_than_short_ones_of_the_same_subjects():
    short, long = short_and_long(0)
    assert [prompt.subject for prompt in short] == [prompt.subject for prompt in long]
    words = [[len(prompt.text.split()) for prompt in kind] for kind in (short, long)]
    assert max(words[0]) < min(words[1])


def test_the_lot_keeps_the_order_and_what_was_drawn_before():
    few, more = drawn("abcdefgh", 3, 0, "letters"), drawn("abcdefgh", 5, 0, "letters")
    assert [letter for _, letter in few] == sorted(letter for _, letter in few)
    assert all("abcdefgh"[place] == letter for place, letter in more)
    assert set(few) < set(more)
    assert drawn("abc", None, 0, "letters") == ((0, "a"), (1, "b"), (2, "c"))


def test_a_reference_finds_itself_and_is_a_copy(paintings, always_right):
    judges = Judges(always_right, paintings)
    places = torch.tensor([3, 17])
    copies = torch.stack([square(paintings[place].pixels, SIDE) for place in places.tolist()])
    said = judges(copies[:, None], places, torch.tensor([0, 1]))
    assert said[NEAREST].tolist() == [1.0, 1.0]
    torch.testing.assert_close(said[SIMILARITY], torch.ones(2))
    assert said[COPY].min() > 0.99
    other = judges(copies[:, None], places.flip(0), torch.tensor([0, 1]))
    assert other[SIMILARITY].max() < 0.999
    assert other[NEAREST].max() < 1.0


def test_too_few_paintings_to_judge_by_are_refused(paintings, always_right):
    with pytest.raises(InputError, match="too few held-out paintings") as caught:
        Judges(always_right, paintings[: CANDIDATES - 1])
    assert caught.value.found.startswith("19 ")
    assert Judges(always_right, paintings[:CANDIDATES])


def test_a_video_is_judged_by_the_mean_of_its_frames_and_in_time(paintings, always_right):
    judges = Judges(always_right, paintings)
    picture = square(paintings[0].pixels, SIDE)
    still = picture.expand(1, 3, SIDE, SIDE, 3)
    moved = torch.stack([picture.roll(4 * frame, dims=1) for frame in range(3)])[None]
    said = judges(torch.cat([still, moved]), torch.tensor([0, 0]), torch.tensor([0, 0]))
    assert said[RECOGNISED].tolist() == [1.0, 1.0]
    assert said[WARP][0] < 1e-6 < said[WARP][1]
    assert said[MOTION][0] < 1e-6
    assert said[MOTION][1] > 1
    assert judges(moved[:, :1], torch.tensor([0]), torch.tensor([0])).keys() == {
        NEAREST,
        SIMILARITY,
        RECOGNISED,
        COPY,
    }


def test_the_content_judge_is_trained_once(tmp_path):
    schooling = content.Schooling(scenes=40, steps=2)
    first = content.content_judge(tmp_path, 0, schooling)
    (file,) = tmp_path.iterdir()
    written = file.stat().st_mtime_ns
    again = content.content_judge(tmp_path, 0, schooling)
    assert file.stat().st_mtime_ns == written
    assert torch.equal(first.head.weight, again.head.weight)
    assert first.classes == SUBJECTS


def test_scenes_have_their_subjects():
    pictures, subjects = content.scenes(0, FIRST_OF_JUDGES, 3)
    assert pictures.shape == (3, SIDE, SIDE, 3)
    assert bool((pictures[0] != pictures[1]).any())
    again = content.scenes(0, FIRST_OF_JUDGES + 1, 1)
    assert torch.equal(again[0][0], pictures[1])
    assert again[1][0] == subjects[1]


class Recorder:
    """A sampler and judges in one: each result is flat, as bright as its place in the row."""

    def tokens(self, picture):
        return picture

    def __call__(self, *asked):
        if len(asked[0]) == 4 and isinstance(asked[0], list):
            self.references, self.texts = asked[0], asked[1]
            return torch.arange(4.0).view(4, 1, 1, 1, 1) / 4
        frames, places, subjects = asked
        return {"brightness": frames.flatten(), "place": places.float(), "subject": subjects.float()}


def test_every_painting_meets_every_prompt(paintings):
    recorder, asked = Recorder(), prompts(0, False)[4:6]
    trial = Trial((5, 9), (paintings[5], paintings[9]), asked)
    settings = SimpleNamespace(strength=1.0, cfg_text=5.0, cfg_style=3.0)
    judged = trial.judged(recorder, recorder, settings)
    assert recorder.texts == [asked[0].text, asked[1].text] * 2
    assert [len(reference) for reference in recorder.references] == [
        len(paintings[place].pixels) for place in (5, 5, 9, 9)
    ]
    assert judged.values == {
        "brightness": [[0.0, 0.25], [0.5, 0.75]],
        "place": [[5.0, 5.0], [9.0, 9.0]],
        "subject": [[4.0, 5.0], [4.0, 5.0]],
    }
    assert trial.diagonal(8) == [(0, 0), (1, 1)]


def test_colour_and_detail_make_a_style_rich():
    random = torch.Generator().manual_seed(0)
    flat, colours = torch.full((32, 32, 3), 0.5), torch.rand(32, 32, 3, generator=random)
    grey = torch.rand(32, 32, 1, generator=random).expand(-1, -1, 3)
    assert colourfulness(flat) == colourfulness(grey) == 0 < colourfulness(colours)
    assert detail(flat) == 0 < detail(grey)
    rich, plain = halves([HeldOut(number, pixels) for number, pixels in enumerate((flat, colours, grey))])
    assert ([painting.number for painting in rich], [painting.number for painting in plain]) == ([1], [0])


def test_tables_go_between_their_marks_and_nothing_else_changes(tmp_path):
    document = tmp_path / "page.md"
    one, two, end = "<!-- table: one -->", "<!-- table: two -->", "<!-- end of table -->"
    marked = f"# A\n\n{one}\n{{}}{end}\n\ntext\n{two}\n{end}\n"
    document.write_text(marked.format("old\n"), encoding="utf-8")
    put_tables(document, {"one": "| new \\1 |"})
    assert document.read_text(encoding="utf-8") == marked.format("| new \\1 |\n")


@pytest.mark.parametrize("text", [None, "# no marks"])
def test_a_document_without_the_marks_is_left_alone(tmp_path, text):
    document = tmp_path / "page.md"
    if text is not None:
        document.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="no one place for the table one"):
        put_tables(document, {"one": "| 1 |"})
    assert not document.exists() or document.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "text",
    [
        "<!-- table: one -->\n<!-- table: two -->\n<!-- end of table -->\n",
        "<!-- table: one -->\n<!-- table: one -->\n<!-- end of table -->\n",
        "<!-- table: one -->\n<!-- picture: two, Red -->\n<!-- end of picture -->\n<!-- end of table -->\n",
    ],
    ids=["end mark missing", "start mark twice", "picture inside"],
)
def test_what_stands_between_a_start_mark_and_the_next_end_mark_is_not_lost(tmp_path, text):
    document = tmp_path / "page.md"
    document.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="no one place for the table one"):
        put_tables(document, {"one": "| 1 |"})
    assert document.read_text(encoding="utf-8") == text


def test_a_picture_of_nothing_but_noise_is_written(tmp_path):
    document = tmp_path / "page.md"
    document.write_text("<!-- picture: one, Noise -->\n<!-- end of picture -->\n", encoding="utf-8")
    noise = torch.rand(840, 620, 3, generator=torch.Generator().manual_seed(0))
    put_pictures(document, {"one": noise})
    with Image.open(tmp_path / "images" / "page_one.jpg") as written:
        assert np.asarray(written).shape == noise.shape


def test_pictures_go_between_their_marks_with_the_words_of_the_mark(tmp_path):
    document = tmp_path / "page.md"
    marked = "a\n<!-- picture: one, Red, then green -->\n{}\n<!-- end of picture -->\nb\n"
    document.write_text(marked.format("not drawn"), encoding="utf-8")
    red = torch.tensor([1.0, 0.0, 0.0]).expand(16, 24, 3)
    for picture in (torch.ones(8, 8, 3), red):
        put_pictures(document, {"one": picture})
        shown = "![Red, then green](images/page_one.jpg)"
        assert document.read_text(encoding="utf-8") == marked.format(shown)
    with pytest.raises(InputError, match="no one place for the picture two"):
        put_pictures(document, {"one": torch.ones(8, 8, 3), "two": red})
    with Image.open(tmp_path / "images" / "page_one.jpg") as written:
        assert written.size == (24, 16)
        assert abs(np.asarray(written).astype(int) - [255, 0, 0]).max() <= 3
    assert len(list((tmp_path / "images").iterdir())) == 1


def test_a_new_document_has_a_place_for_every_table_and_picture(tmp_path):
    document = tmp_path / "docs" / "page.md"
    begin(document, ())
    topics = ("held_out", "bounds", "curve", "grid", "time", "gains", "pictures", "videos")
    put_pictures(document, dict.fromkeys(topics, torch.ones(8, 8, 3)))
    assert "not drawn" not in document.read_text(encoding="utf-8")
    names = ("held_out", "bounds", "curve", "grid_style_nearest", "grid_subject_recognised", "time", "gains")
    put_tables(document, dict.fromkeys((*names, "grid_effects"), "| 1 |"))
    begin(document, ("curve", "grid", "miniature"))
    assert document.read_text(encoding="utf-8").count("| 1 |") == len(names) + 1


@pytest.mark.parametrize("missing", ["picture: curve", "table: curve", "table: grid_effects"])
def test_a_document_that_lacks_a_mark_is_refused_before_anything_is_measured(tmp_path, missing):
    document = tmp_path / "page.md"
    begin(document, ())
    text = document.read_text(encoding="utf-8").replace(f"<!-- {missing}", "<!-- gone")
    document.write_text(text, encoding="utf-8")
    begin(document, ("held_out", "miniature"))
    with pytest.raises(InputError, match=f"no one place for the {missing.replace(': ', ' ')}"):
        begin(document, ("held_out", "curve", "grid"))
    assert document.read_text(encoding="utf-8") == text
