"""The demo's parts that need no server."""

import json
from fractions import Fraction

import av
import demo
import numpy as np
import paintings
import pytest
from api_prompt import fill
from comfy_client import Job
from contact_sheet import spread, video_frames, write_contact_sheet
from PIL import Image

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
        WORKFLOW, {"ckpt_name": "demo.safetensors", "encoder_name": "unused"}, "van_gogh.jpg", "a lighthouse"
    )
    assert filled["1"]["inputs"] == {"ckpt_name": "demo.safetensors", "adapter_name": "a.pth"}
    assert filled["2"]["inputs"]["image"] == "van_gogh.jpg"
    assert filled["3"]["inputs"]["text"] == "a lighthouse"
    assert filled["4"]["inputs"]["text"] == "blurry"
    assert json.dumps(WORKFLOW) == before


def test_prompt_is_found_through_two_styles():
    chain = {key: WORKFLOW[key] for key in ("6", "5", "4", "3", "2")}
    assert fill(chain, {}, "x.jpg", "a lighthouse")["3"]["inputs"]["text"] == "a lighthouse"


def test_without_a_prompt_the_workflows_own_is_kept():
    assert fill(WORKFLOW, {}, "x.jpg", None)["3"]["inputs"]["text"] == "a street"


def test_workflow_without_the_needed_nodes_is_refused():
    with pytest.raises(ValueError, match="no LoadImage"):
        fill({"3": WORKFLOW["3"]}, {}, "x.jpg", None)
    with pytest.raises(ValueError, match="StyleCrafterApplyStyle"):
        fill({"2": WORKFLOW["2"], "3": WORKFLOW["3"]}, {}, "x.jpg", "words")


def test_spread_takes_first_and_last():
    assert spread(3, 16) == [0, 1, 2]
    assert spread(64, 4) == [0, 21, 42, 63]


def test_contact_sheet_shows_reference_and_frames(tmp_path):
    levels = [0, 60, 120, 180, 240]
    write_video(tmp_path / "video.mp4", levels)
    Image.new("RGB", (400, 400), (255, 0, 0)).save(tmp_path / "style.png")
    assert write_contact_sheet(tmp_path / "video.mp4", tmp_path / "style.png", tmp_path / "sheet.png") == 5
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (4 * 72 + 8, 3 * 40 + 8)
        assert sheet.getpixel((12, 12)) == (255, 0, 0)
        centres = [(8 + 72 * (i % 4) + 32, 8 + 40 * (1 + i // 4) + 16) for i in range(5)]
        shown = [sheet.getpixel(centre)[0] for centre in centres]
    assert shown == pytest.approx(levels, abs=4)


def test_video_frames_come_in_order(tmp_path):
    write_video(tmp_path / "video.mp4", [0, 120, 240])
    assert [frame.getpixel((5, 5))[1] for frame in video_frames(tmp_path / "video.mp4")] == pytest.approx(
        [0, 120, 240], abs=4
    )


def test_default_painting_is_there_and_public():
    style = paintings.painting()
    assert (style.artist, style.title) == ("Vincent van Gogh", "Wheat Field with Cypresses")
    assert style.licence == "public domain"
    assert style.jpeg[:2] == b"\xff\xd8"


def test_unknown_painting_is_refused():
    with pytest.raises(LookupError, match="no painting 1 among the 174"):
        paintings.painting(1)


def job_with(files, error=None):
    messages = [] if error is None else [{"type": "execution_error", "data": error}]
    return Job(messages=messages, history={"outputs": {"9": {"images": files, "animated": [True]}}})


def test_video_of_a_job_is_the_file_on_disk(tmp_path):
    (tmp_path / "output" / "sub").mkdir(parents=True)
    (tmp_path / "output" / "sub" / "a.mp4").touch()
    files = [
        {"filename": "p.png", "subfolder": "", "type": "temp"},
        {"filename": "a.mp4", "subfolder": "sub", "type": "output"},
    ]
    assert demo.video_of(job_with(files), tmp_path) == tmp_path / "output" / "sub" / "a.mp4"


def test_job_without_a_video_is_said(tmp_path):
    with pytest.raises(demo.DemoError, match=r"Found: a\.mp4"):
        demo.video_of(job_with([{"filename": "a.mp4", "subfolder": "", "type": "output"}]), tmp_path)


def test_failed_job_gives_the_nodes_words(tmp_path):
    error = {"node_type": "KSampler", "exception_message": "out of paint"}
    with pytest.raises(demo.DemoError, match="Found: KSampler: out of paint"):
        demo.video_of(job_with([], error), tmp_path)
