"""One file from a source: an item to train on, or a reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..captions import clean_caption
from . import reasons
from .decoder_process import Measure
from .found import Found
from .manifest import Item, name_of, path_below
from .measure import Facts, Request
from .reasons import Problem, Rejected


@dataclass(frozen=True)
class Demands:
    """What a file must be.

    Attributes:
        convert: whether CMYK, transparent, rotated and variable-rate files are let in, converted.
        min_side: shortest side in pixels, from 1.
        caption: whether a caption is needed; without one a file is trained on with an empty prompt.
    """

    convert: bool = False
    min_side: int = 1
    caption: bool = True


def check(found: Found, decode: Measure, root: Path, demands: Demands = Demands()) -> Item | Rejected:
    """Decodes everything in the file.

    Args:
        found: what the source says of it.
        decode: runs the decoder; `DecoderProcess.run` does it where nothing can break this process.
        root: of the manifest; absolute.
        demands: what is let in.
    """
    facts = found.problem or decode(Request(found.path, found.offset, found.size, found.kind))
    judged = facts if isinstance(facts, Problem) else _judge(found, root, facts, demands)
    if isinstance(judged, Item):
        return judged
    return Rejected(name_of(path_below(root, found.path), found.member), judged.kind, judged.text)


def _judge(found: Found, root: Path, facts: Facts, demands: Demands) -> Item | Problem:
    caption = clean_caption(found.raw_caption or "")
    if facts.convertible and not demands.convert:
        kind = facts.convertible[0]
        return Problem(
            kind, f"{' and '.join(facts.convertible)}: prepare --convert takes such files, converted"
        )
    if min(facts.width, facts.height) < demands.min_side:
        text = f"{facts.width}×{facts.height}; the shorter side must have {demands.min_side} pixels"
        return Problem(reasons.TOO_SMALL, text)
    if demands.caption and not (found.raw_caption or "").strip():
        return Problem(reasons.NO_CAPTION, "no text beside it, in its row or in its tar")
    if demands.caption and not caption:
        return Problem(reasons.CAPTION_GONE, f"nothing but style words: {found.raw_caption!r}")
    return _item(found, root, facts, caption)


def _item(found: Found, root: Path, facts: Facts, caption: str) -> Item:
    return Item(
        path=path_below(root, found.path),
        offset=found.offset,
        size=found.size,
        kind=found.kind,
        width=facts.width,
        height=facts.height,
        frames=facts.frames,
        fps=facts.fps,
        caption=caption,
        raw_caption=found.raw_caption or "",
        sha256=facts.sha256,
    )
