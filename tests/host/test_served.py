"""The real server, over HTTP and websocket, with nodes of the host alone."""

from __future__ import annotations

import io
import shutil

import av
import pytest
from PIL import Image

FRAMES = 5


def video_prompt(picture: str) -> dict:
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": picture}},
        "2": {"class_type": "RepeatImageBatch", "inputs": {"image": ["1", 0], "amount": FRAMES}},
        "3": {"class_type": "CreateVideo", "inputs": {"images": ["2", 0], "fps": 8.0}},
        "4": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["3", 0], "filename_prefix": "served", "format": "auto", "codec": "auto"},
        },
    }


@pytest.fixture
def picture(served_base, tmp_path):
    file = tmp_path / "picture.png"
    Image.new("RGB", (64, 32), (200, 30, 30)).save(file)
    shutil.copy(file, served_base / "input" / "picture.png")
    return "picture.png"


def test_it_is_the_asked_version(served_host, host):
    assert served_host.system_stats()["system"]["comfyui_version"] == ".".join(map(str, host.version))


def test_it_serves_the_hosts_nodes(served_host):
    assert {"KSampler", "SamplerCustomAdvanced", "DualCFGGuider"} <= served_host.object_info().keys()


def test_a_job_runs_and_its_video_can_be_viewed(served_host, picture, served_base):
    seen = []
    job = served_host.wait(served_host.queue(video_prompt(picture)), timeout_s=60, on_message=seen.append)
    assert job.error is None
    assert job.history["status"]["status_str"] == "success"
    assert {message["data"]["node"] for message in seen if message["type"] == "executing"} >= {
        "1",
        "2",
        "3",
        "4",
    }
    (file,) = job.files
    content = served_host.view(file["filename"], file["subfolder"], file["type"])
    assert (served_base / "output" / file["subfolder"] / file["filename"]).read_bytes() == content
    with av.open(io.BytesIO(content)) as video:
        assert len(list(video.decode(video=0))) == FRAMES


def test_two_queued_jobs_keep_their_messages_apart(served_host, picture):
    first, second = (served_host.queue(video_prompt(picture)) for _ in range(2))
    jobs = {prompt_id: served_host.wait(prompt_id, timeout_s=60) for prompt_id in (second, first)}
    for prompt_id, job in jobs.items():
        assert job.history
        assert {message["data"]["prompt_id"] for message in job.messages} == {prompt_id}


def test_a_faulty_prompt_is_refused_with_the_servers_words(served_host):
    from comfy_client import PromptRefusedError

    with pytest.raises(PromptRefusedError, match="no_such_picture") as caught:
        served_host.queue(video_prompt("no_such_picture.png"))
    assert "1" in caught.value.answer["node_errors"]


def test_a_node_that_fails_is_named(served_host, picture):
    """One pixel is no size for a video."""
    prompt = video_prompt(picture)
    prompt["5"] = {
        "class_type": "ImageCrop",
        "inputs": {"image": ["1", 0], "width": 1, "height": 1, "x": 0, "y": 0},
    }
    prompt["3"]["inputs"]["images"] = ["5", 0]
    job = served_host.wait(served_host.queue(prompt), timeout_s=60)
    assert job.error is not None
    assert job.error.startswith("SaveVideo:")
