"""Make the pictures of the video templates and the README again, with the small family, in a real ComfyUI.

python lab/thumbnails.py    workflows/<template>.jpg, moving_grid.webp and eight_pairs.jpg in docs/images;
                            about five minutes

The README's moving grid has three prompts in the styles of four held-out paintings; both are chosen. The
sheet of eight pairs of held-out painting and prompt is drawn by lot: nobody chose them.
The templates of SDXL keep theirs: the small family is not an SDXL family. Those of Wan show their style
pictures alone: no results were made with them here.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).absolute().parents[1] / "scripts"))

import demo
import environment
import pinned_hosts
from api_prompt import template_of
from demo_jobs import HAYSTACKS, IRISES, PROMPT, TOLEDO, VALUES, WORKFLOWS, DemoJob
from environment import ROOT, say
from paintings import painting

if TYPE_CHECKING:  # these need packages that the set-up installs
    from PIL import Image

WAN = ("wan_one_reference", "wan_several_references", "wan_few_steps")
PAIRS, SEED = 8, 0
PICTURES = WORKFLOWS.parent / "pictures"
PAIRS_FILE = ROOT / "docs" / "images" / "eight_pairs.jpg"
GRID_FILE = PAIRS_FILE.with_name("moving_grid.webp")
GRID_PROMPTS = (
    PROMPT,
    "an orange hot-air balloon rises above a meadow",
    "a yellow car drives to the right by the sea",
)
GRID_PAINTINGS = (IRISES, 37942, 435882, TOLEDO)
GRID_CELL = 160  # pixels
LONG = {**VALUES, "frames": 24, "context_length": 8}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment.add_arguments(parser)
    arguments = parser.parse_args()
    try:
        environment.enter(arguments.current_interpreter)
        host = pinned_hosts.usable_host()
        environment.install(host, arguments.current_interpreter)
        _make(host)
    except demo.FAILURES as error:
        say(f"\nNot every picture was made. {error}")
        return 1
    return 0


def _make(host: Path) -> None:
    from contact_sheet import frames_of, style_pictures, thumbnail, write_overview

    for name in WAN:
        workflow = WORKFLOWS / f"{name}.json"
        style_pictures(shown_pictures(workflow)).save(template_of(workflow).with_suffix(".jpg"), quality=88)
    templates, pairs, grid = template_jobs(), pair_jobs(), grid_jobs()
    results = demo.run(host, demo.BASE, [*templates, *pairs, *grid])
    for job, result in zip(templates, results):
        picture = thumbnail(references(job), frames_of(result))
        picture.save(template_of(job.workflow).with_suffix(".jpg"), quality=88)
    of_pairs, of_grid = results[len(templates) : -len(grid)], results[-len(grid) :]
    write_overview(demo.overview_rows(pairs, of_pairs, demo.BASE), PAIRS_FILE)
    _write_grid([frames_of(result) for result in of_grid])
    say(f"Written: {len(templates) + len(WAN)} thumbnails, {PAIRS_FILE} and {GRID_FILE}")


def _write_grid(videos: list[list[Image.Image]]) -> None:
    """One moving picture of all: a row for each prompt, below the paintings."""
    first, *others = (_grid_of([video[number] for video in videos]) for number in range(len(videos[0])))
    duration = round(1000 / VALUES["frame_rate"])
    first.save(
        GRID_FILE, save_all=True, append_images=others, duration=duration, loop=0, quality=70, method=6
    )


def _grid_of(frames: list[Image.Image]) -> Image.Image:
    import numpy as np
    import torch
    from PIL import Image, ImageOps

    from lab.measures import labelled_sheet

    paintings = [painting(number) for number in GRID_PAINTINGS]
    cells = [Image.open(io.BytesIO(one.jpeg)).convert("RGB") for one in paintings] + frames
    pixels = [
        torch.from_numpy(np.array(ImageOps.fit(cell, (GRID_CELL, GRID_CELL), Image.Resampling.LANCZOS))) / 255
        for cell in cells
    ]
    columns = len(paintings)
    rows = [pixels[first : first + columns] for first in range(0, len(pixels), columns)]
    sheet = labelled_sheet(rows, ["", *GRID_PROMPTS], [f"{one.title}, {one.artist}" for one in paintings])
    return Image.fromarray((sheet * 255).round().byte().numpy())


def shown_pictures(workflow: Path) -> Sequence[Path]:
    """The shipped pictures that a workflow opens with."""
    nodes = json.loads(workflow.read_text(encoding="utf-8")).values()
    files = [node["inputs"]["image"] for node in nodes if node["class_type"] == "LoadImage"]
    return [PICTURES / file for file in files]


def references(job: DemoJob) -> Sequence[Path]:
    """The style pictures of a job that has run."""
    return [demo.BASE / "input" / f"{number}.jpg" for number in job.paintings]


def template_jobs() -> list[DemoJob]:
    """A job for every template of the video family."""
    one, three = (IRISES,), (IRISES, HAYSTACKS, TOLEDO)
    return [
        _job("single_reference_video", one, PROMPT, VALUES),
        _job("several_references_video", three, PROMPT, VALUES),
        _job("image_with_video_model", one, PROMPT, {**VALUES, "frames": 1}),
        _job("long_video", one, PROMPT, LONG),
    ]


def pair_jobs() -> list[DemoJob]:
    """A video for each of eight held-out paintings and prompts."""
    from lab.judging.lot import drawn
    from lab.judging.paintings import held_out_paintings
    from lab.judging.prompts import prompts

    paintings = drawn(held_out_paintings(), PAIRS, SEED, "paintings of the README")
    texts = drawn(prompts(SEED, True), PAIRS, SEED, "prompts of the README")
    return [
        _job("single_reference_video", (painting.number,), prompt.text, VALUES)
        for (_, painting), (_, prompt) in zip(paintings, texts, strict=True)
    ]


def grid_jobs() -> list[DemoJob]:
    """A video for each chosen prompt, by rows, in the style of each chosen painting."""
    return [
        _job("single_reference_video", (number,), prompt, VALUES)
        for prompt in GRID_PROMPTS
        for number in GRID_PAINTINGS
    ]


def _job(template: str, paintings: tuple[int, ...], prompt: str, values: dict[str, float]) -> DemoJob:
    return DemoJob(prompt, WORKFLOWS / f"{template}.json", paintings, prompt, values)


if __name__ == "__main__":
    sys.exit(main())
