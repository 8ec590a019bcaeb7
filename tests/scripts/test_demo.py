"""The demo's parts that need no server."""

import json
import re
from fractions import Fraction
from pathlib import Path

import av
import demo
import demo_jobs
import numpy as np
import paintings
import pytest
from api_prompt import fill
from comfy_client import Job
from contact_sheet import frames_of, spread, thumbnail, write_overview
from PIL import Image
from workflow_file import filled_workflow, read_workflow

from lab import thumbnails
from lab.family.gallery import catalogue, sound_paintings
from stylecrafter_core.errors import InputError

OWN_FILE = Path("mine.json")
README = Path(demo.ROOT) / "README.md"
WORKFLOW = {
    "1": {
        "class_type": "StyleCrafterVideoModelLoader",
        "inputs": {"ckpt_name": "model.ckpt", "adapter_name": "a.pth"},
    },
    "2": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "a street", "clip": ["1", 1]}},
    "4": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["1", 1]}},
    "5": {"class_type": "StyleCrafterApplyStyle", "inputs": {"conditioning": ["3", 0], "style": ["7", 0]}},
    "6": {"class_type": "StyleCrafterApplyStyle", "inputs": {"conditioning": ["5", 0], "style": ["7", 0]}},
}


def write_video(file, levels):
    """One grey frame of 64×32 pixels for each level."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(8), options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        for level in levels:
            frame = av.VideoFrame.from_ndarray(np.full((32, 64, 3), level, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_workflow_is_filled_and_the_original_kept():
    before = json.dumps(WORKFLOW)
    filled = fill(
        WORKFLOW,
        {"ckpt_name": "demo.safetensors", "encoder_name": "unused"},
        ["van_gogh.jpg"],
        "a lighthouse",
    )
    assert filled["1"]["inputs"] == {"ckpt_name": "demo.safetensors", "adapter_name": "a.pth"}
    assert filled["2"]["inputs"]["image"] == "van_gogh.jpg"
    assert filled["3"]["inputs"]["text"] == "a lighthouse"
    assert filled["4"]["inputs"]["text"] == "blurry"
    assert json.dumps(WORKFLOW) == before


def test_prompt_is_found_through_two_styles():
    chain = {key: WORKFLOW[key] for key in ("6", "5", "4", "3", "2")}
    assert fill(chain, {}, ["x.jpg"], "a lighthouse")["3"]["inputs"]["text"] == "a lighthouse"


def test_pictures_go_to_the_loaders_in_turn():
    loaders = {str(n): {"class_type": "LoadImage", "inputs": {"image": "old"}} for n in range(3)}
    filled = fill(loaders, {}, ["a.jpg", "b.jpg"], None)
    assert [node["inputs"]["image"] for node in filled.values()] == ["a.jpg", "b.jpg", "b.jpg"]


def test_without_a_prompt_the_workflows_own_is_kept():
    assert fill(WORKFLOW, {}, ["x.jpg"], None)["3"]["inputs"]["text"] == "a street"


def test_workflow_without_the_needed_nodes_is_refused():
    with pytest.raises(ValueError, match="no LoadImage"):
        fill({"3": WORKFLOW["3"]}, {}, ["x.jpg"], None)
    with pytest.raises(ValueError, match="StyleCrafterApplyStyle"):
        fill({"2": WORKFLOW["2"], "3": WORKFLOW["3"]}, {}, ["x.jpg"], "words")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "No such file"),
        ("{", "Expecting property name"),
        ('{"nodes": [], "links": [], "version": 0.4}', "no nodes with class_type"),
        ("[1]", "no nodes with class_type"),
        pytest.param("[" * 100_000, "recursion", id="deep"),
    ],
)
def test_what_is_no_workflow_in_api_form_is_named(tmp_path, text, found):
    file = tmp_path / "mine.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=found) as caught:
        read_workflow(file)
    assert str(file) in str(caught.value)
    assert "Export (API)" in caught.value.fix


@pytest.mark.parametrize(("left_out", "found"), [("2", "no LoadImage"), ("5", "StyleCrafterApplyStyle")])
def test_a_file_whose_workflow_lacks_a_node_is_named(tmp_path, left_out, found):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({key: WORKFLOW[key] for key in "12345" if key != left_out}))
    with pytest.raises(InputError, match=found) as caught:
        filled_workflow(file, {}, ["x.jpg"], "words")
    assert str(file) in str(caught.value)
    assert "workflows/api/" in caught.value.fix


def test_spread_takes_first_and_last():
    assert spread(3, 16) == [0, 1, 2]
    assert spread(64, 4) == [0, 21, 42, 63]


def test_overview_shows_references_and_frames_in_rows(tmp_path):
    levels = [0, 60, 120, 180, 240]
    write_video(tmp_path / "video.mp4", levels)
    for name, colour in (("red", (255, 0, 0)), ("green", (0, 255, 0))):
        Image.new("RGB", (400, 300), colour).save(tmp_path / f"{name}.png")
    red, green = tmp_path / "red.png", tmp_path / "green.png"
    rows = [("a video", [red], [tmp_path / "video.mp4"]), ("images", [red, green], [green, red])]
    write_overview(rows, tmp_path / "out" / "sheet.png")
    with Image.open(tmp_path / "out" / "sheet.png") as sheet:
        assert sheet.height == 2 * (18 + 128 + 8)
        assert sheet.getpixel((8 + 64, 18 + 64)) == (255, 0, 0)
        frames = [sheet.getpixel((8 + 136 + number * 264 + 128, 18 + 64))[0] for number in range(5)]
        second = [sheet.getpixel((8 + 136 * place + 64, 154 + 18 + 64)) for place in range(3)]
        last = sheet.getpixel((8 + 136 * 2 + 170 + 8 + 85, 154 + 18 + 64))
    assert frames == pytest.approx(levels, abs=4)
    assert second == [(255, 0, 0), (0, 255, 0), (0, 255, 0)]
    assert last == (255, 0, 0)


@pytest.mark.parametrize(("frames", "references", "width"), [(8, 1, 1256), (24, 3, 978), (1, 1, 840)])
def test_a_thumbnail_has_the_references_and_then_the_frames(tmp_path, frames, references, width):
    Image.new("RGB", (400, 300), (255, 0, 0)).save(tmp_path / "red.png")
    blue = [Image.new("RGB", (128, 128), (0, 0, 255))] * frames
    picture = thumbnail([tmp_path / "red.png"] * references, blue)
    assert picture.size == (width, 424)
    colours = dict((colour, count) for count, colour in picture.getcolors())
    own = (408 - 8 * (references - 1)) // references
    assert colours[(255, 0, 0)] == references * own**2
    assert colours[(0, 0, 255)] == (8 * 200**2 if frames > 1 else 408**2)


def test_the_pairs_of_the_readme_are_held_out_and_all_different():
    jobs = thumbnails.pair_jobs()
    held_out = {painting.number for painting in sound_paintings()[1]}
    assert len({job.paintings for job in jobs}) == len({job.prompt for job in jobs}) == 8
    assert {number for job in jobs for number in job.paintings} <= held_out


def test_frames_come_in_order(tmp_path):
    write_video(tmp_path / "video.mp4", [0, 120, 240])
    assert [frame.getpixel((5, 5))[1] for frame in frames_of(tmp_path / "video.mp4")] == pytest.approx(
        [0, 120, 240], abs=4
    )


def test_jobs_of_the_demo_show_paintings_that_nothing_has_learnt_from():
    held_out = {painting.number for painting in catalogue() if painting.held_out}
    jobs = demo_jobs.all_jobs(None, None)
    assert {number for job in jobs for number in job.paintings} <= held_out
    assert all(job.workflow.is_file() for job in jobs)
    assert [job.values["strength"] for job in jobs if "strength" in job.values] == [0, 0.5, 1, 1.5, 2]


def test_own_words_and_painting_reach_every_job():
    for job in demo_jobs.all_jobs("a green boat", 436535):
        assert (job.prompt, job.paintings[0]) == ("a green boat", 436535)


@pytest.mark.parametrize("make", [demo_jobs.all_jobs, lambda *given: [demo_jobs.own_job(OWN_FILE, *given)]])
def test_painting_0_and_no_words_are_not_taken_for_left_out(make):
    assert {(job.prompt, job.paintings[0]) for job in make("", 0)} == {("", 0)}


def test_jobs_of_one_title_share_a_row(tmp_path):
    jobs = demo_jobs.all_jobs(None, None)
    results = [tmp_path / str(number) for number in range(len(jobs))]
    rows = demo.overview_rows(jobs, results, tmp_path)
    assert [len(made) for _, _, made in rows] == [1, 1, 5]
    assert [file for _, _, made in rows for file in made] == results
    assert rows[1][1] == [tmp_path / "input" / f"{number}.jpg" for number in jobs[1].paintings]


def test_a_painting_is_there_and_public():
    style = paintings.painting(436535)
    assert (style.artist, style.title) == ("Vincent van Gogh", "Wheat Field with Cypresses")
    assert style.licence == "public domain"
    assert style.jpeg[:2] == b"\xff\xd8"


def test_unknown_painting_is_refused():
    with pytest.raises(InputError, match=r"(?s)no painting 1\..*174 others") as caught:
        paintings.painting(1)
    number = int(re.search(r"such as (\d+)", caught.value.fix).group(1))
    assert paintings.painting(number).title in caught.value.fix


def job_with(files, error=None):
    messages = [] if error is None else [{"type": "execution_error", "data": error}]
    return Job(messages=messages, history={"outputs": {"9": {"images": files, "animated": [True]}}})


def test_result_of_a_job_is_the_file_on_disk(tmp_path):
    (tmp_path / "output" / "sub").mkdir(parents=True)
    (tmp_path / "output" / "sub" / "a.mp4").touch()
    files = [
        {"filename": "p.png", "subfolder": "", "type": "temp"},
        {"filename": "a.mp4", "subfolder": "sub", "type": "output"},
    ]
    assert demo.result_of(job_with(files), tmp_path) == tmp_path / "output" / "sub" / "a.mp4"


def test_job_without_a_result_is_said(tmp_path):
    with pytest.raises(demo.DemoError, match=r"Found: a\.mp4"):
        demo.result_of(job_with([{"filename": "a.mp4", "subfolder": "", "type": "output"}]), tmp_path)


def test_failed_job_gives_the_nodes_words(tmp_path):
    error = {"node_type": "KSampler", "exception_message": "out of paint"}
    with pytest.raises(demo.DemoError, match="Found: KSampler: out of paint") as caught:
        demo.result_of(job_with([], error), tmp_path)
    assert "its end" in caught.value.expected
    assert str(tmp_path / "server.log") in caught.value.fix


def test_the_published_weights_go_where_the_readme_says():
    rows = re.findall(r"^\| (.*?) \| `(\w+/)` \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    video = [(re.match(r"`?([\w./-]+( ViT-H/14 laion2b)?)", file)[1], folder) for file, folder in rows[:4]]
    assert [folder for _, folder in video] == [
        "checkpoints/",
        "stylecrafter/",
        "stylecrafter/",
        "clip_vision/",
    ]
    for file, folder in video:
        assert re.search(rf"{re.escape(file)}[^,]* into {folder}", demo.PUBLISHED)
