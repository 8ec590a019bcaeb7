"""The small family's data: pictures, clips, paintings. Made by seed, item by item, and gone on with."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stylecrafter_core.files import remove_partial, written_whole
from stylecrafter_core.media import write_video

from ..files import make_once, write_caption
from ..scenes import PUBLISHED, TASKS, Task
from ..styles import Style, stylise
from .claims import check_fields, claim
from .contents import Content, clip_content, picture_content
from .gallery import REINSTALL, Painting, numbers_left_out, read_painting, sound_paintings
from .packages import style_network_file
from .plan import CLIPS_IN_BLOCK, PICTURES_IN_BLOCK, Item, block_of_clips, block_of_pictures, style_of
from .sizes import FRAME_RATE
from .workers import carried_out

log = logging.getLogger(__name__)

QUALITY, CRF = 95, 8  # of JPEG; of mp4, where 0 is without loss
RECORD, RECORDS = "data.json", "records.jsonl"
FORMAT = 1  # of what a seed means: raise it when the same seed gives other data
LEFT_OUT = "paintings left out"

Record = dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """How many pictures and clips. More can be made later: the first ones stay the same."""

    pictures: int
    clips: int


@dataclass(frozen=True)
class Block:
    """Part of the work: the pictures or clips of one block, up to a count."""

    folder: Path
    seed: int
    task: str
    paintings: tuple[int, ...]
    clips: bool
    number: int
    count: int


def make_data(folder: Path, seed: int, counts: Counts, workers: int = 1, task: Task = PUBLISHED) -> None:
    """Writes `pictures/NNNNN.jpg`, `clips/NNNN.mp4`, `paintings/` and `held_out/`, each with `.txt` captions.

    `records.jsonl` has a line for every picture and clip: file, caption, content number, style number, how it
    was styled (`renderer`, `painting`), subject. Item k is the same for any counts, workers and order; files
    that are there stay. `held_out/` holds every fifth painting: nothing else shows anything of them.

    Raises:
        InputError: a package or the style network is missing, or `folder` holds data of another seed, of
            another task or of other paintings, because some were damaged then or are now.
    """
    style_network_file()
    to_learn_from, held_out = sound_paintings()
    left_out = numbers_left_out((*to_learn_from, *held_out))
    wanted = _mark(seed, task) | {LEFT_OUT: left_out}
    claim(folder / RECORD, wanted, {LEFT_OUT: f"if a painting became damaged since, {REINSTALL}"})
    for kind in ("pictures", "clips", "paintings", "held_out"):
        remove_partial(folder / kind)
    _write_paintings(folder / "paintings", to_learn_from)
    _write_paintings(folder / "held_out", held_out)
    paintings = tuple(painting.number for painting in to_learn_from)
    blocks = list(_blocks(folder, seed, task, paintings, counts))
    lines: list[str] = []
    for done, records in enumerate(carried_out(make_block, blocks, workers), start=1):
        lines += [json.dumps(record, ensure_ascii=False) for record in records]
        log.info("%d of %d parts are made", done, len(blocks))
    with written_whole(folder / RECORDS) as partial_file:
        partial_file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def check_seed(folder: Path, seed: int, task: Task = PUBLISHED) -> None:
    """Raises an InputError if `folder` holds data of another seed or task, begun or complete."""
    if (folder / RECORD).is_file():
        check_fields(folder / RECORD, _mark(seed, task))


def _mark(seed: int, task: Task) -> dict[str, Any]:
    """What data is told apart by. Folders from before there were tasks name none."""
    return {"seed": seed, "format": FORMAT, "task": None if task is TASKS["sixteen"] else task.name}


def _write_paintings(folder: Path, paintings: tuple[Painting, ...]) -> None:
    for painting in paintings:
        make_once(folder / f"{painting.number}.txt", write_caption, painting.caption)
        make_once(folder / f"{painting.number}.jpg", _write_jpeg, partial(read_painting, painting.number))


def _blocks(
    folder: Path, seed: int, task: Task, paintings: tuple[int, ...], counts: Counts
) -> Iterator[Block]:
    """Pictures before clips; each in order."""
    for clips, count, size in (
        (False, counts.pictures, PICTURES_IN_BLOCK),
        (True, counts.clips, CLIPS_IN_BLOCK),
    ):
        for number in range(-(-count // size)):
            yield Block(folder, seed, task.name, paintings, clips, number, min(size, count - number * size))


def make_block(block: Block) -> list[Record]:
    """Makes what is missing of a block and returns the records of all of it."""
    items = (block_of_clips if block.clips else block_of_pictures)(block.seed, block.number)
    return [_make(block, item) for item in items[: block.count]]


def _make(block: Block, item: Item) -> Record:
    style = None if item.style is None else style_of(block.seed, item.style, block.paintings)
    if block.clips:
        content = clip_content(block.seed, item.content, item.footage, TASKS[block.task])
        name, write = f"clips/{item.number:04}.mp4", _write_clip
    else:
        content = picture_content(block.seed, item.content, TASKS[block.task])
        name, write = f"pictures/{item.number:05}.jpg", _write_jpeg
    path = block.folder / name
    make_once(path.with_suffix(".txt"), write_caption, content.caption)
    make_once(path, write, partial(_styled, content, style))
    return {
        "file": name,
        "caption": content.caption,
        "content": item.content,
        "style": item.style,
        "renderer": None if style is None else style.renderer,
        "painting": getattr(style.parameters, "painting", None) if style else None,
        "subject": content.subject,
    }


def _styled(content: Content, style: Style | None) -> NDArray[np.uint8]:
    return content.pixels if style is None else stylise(style, content.pixels)


def _write_jpeg(path: Path, pixels: partial[NDArray[np.uint8]]) -> None:
    Image.fromarray(pixels()).save(path, format="JPEG", quality=QUALITY, subsampling=0)


def _write_clip(path: Path, pixels: partial[NDArray[np.uint8]]) -> None:
    frames = torch.from_numpy(pixels()).float() / 255
    write_video(frames, path, format="mp4", frame_rate=FRAME_RATE, crf=CRF)


def data_is_made(data: Path, counts: Counts) -> bool:
    """Whether the folder holds so many pictures and clips, each with its caption."""
    if not ((data / RECORD).is_file() and (data / RECORDS).is_file()):
        return False
    pictures, clips = read_records(data, clips=False), read_records(data, clips=True)
    files = [data / record["file"] for record in (*pictures, *clips)]
    return (len(pictures), len(clips)) == (counts.pictures, counts.clips) and all(
        file.is_file() and file.with_suffix(".txt").is_file() for file in files
    )


def read_records(data: Path, clips: bool) -> list[Record]:
    """The data maker's lines on pictures, or on clips, in their order."""
    lines = (data / RECORDS).read_text(encoding="utf-8").splitlines()
    folder = "clips/" if clips else "pictures/"
    return [record for record in map(json.loads, lines) if record["file"].startswith(folder)]


def read_pictures(data: Path, records: list[Record]) -> Tensor:
    """uint8 [N, H, W, 3]."""
    pixels = []
    for record in records:
        with Image.open(data / record["file"]) as picture:
            pixels.append(np.asarray(picture.convert("RGB")))
    return torch.from_numpy(np.stack(pixels))
