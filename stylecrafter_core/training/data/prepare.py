"""Sources to a manifest, with everything else in a quarantine list that says why."""

from __future__ import annotations

import itertools
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ...errors import InputError
from .check import Demands, check
from .decoder_pool import DecoderPool
from .decoder_process import Measure
from .manifest import Item, Manifest, item_name, write_manifest, write_rows
from .measure import Request
from .reasons import CHANGED, DUPLICATE, Problem, Rejected
from .sources import scan

logger = logging.getLogger(__name__)
_FILES_PER_MESSAGE = 1000


@dataclass(frozen=True)
class PrepareReport:
    """What became of the sources.

    Attributes:
        kept_images, kept_videos: items in the manifest.
        quarantined: files left out, by kind of reason.
        manifest_path, quarantine_path: the two files written.
    """

    kept_images: int
    kept_videos: int
    quarantined: Counter[str]
    manifest_path: Path
    quarantine_path: Path

    def __str__(self) -> str:
        """In words, for people."""
        lines = [f"{self.manifest_path}: {self.kept_images} pictures and {self.kept_videos} videos"]
        if self.quarantined:
            lines.append(f"{self.quarantine_path}: {self.quarantined.total()} files left out")
            lines += [f"  {count:6}  {kind}" for kind, count in self.quarantined.most_common()]
        return "\n".join(lines)


def prepare(
    sources: Sequence[Path],
    out: Path,
    *,
    convert: bool = False,
    min_side: int = 1,
    need_captions: bool = True,
    workers: int = 1,
    time_limit_s: float = 60.0,
) -> PrepareReport:
    """Decodes every file of the sources; writes the manifest and, beside it, `<stem>.quarantine.jsonl`.

    Args:
        sources: see `scan`.
        out: the manifest to write; an existing one is replaced.
        convert: whether to let in CMYK, transparent and rotated files.
        min_side: shortest side in pixels, from 1.
        need_captions: whether to leave out files without a caption; else they have an empty one.
        workers: decoding processes, from 1.
        time_limit_s: seconds that decoding one file may take, above 0.

    Raises:
        InputError: a number is out of range, a source cannot be read, or nothing usable is in any of them
            (the quarantine list is written all the same).
    """
    _require(min_side >= 1, "min_side", min_side, "a whole number of 1 or more")
    _require(workers >= 1, "workers", workers, "a whole number of 1 or more")
    _require(time_limit_s > 0, "time_limit_s", time_limit_s, "a number above 0")
    root = _common_root(sources, out)
    found = itertools.chain.from_iterable(map(scan, sources))
    with DecoderPool(workers, time_limit_s) as pool:
        checked = partial(check, root=root, demands=Demands(convert, min_side, need_captions))
        results = list(_without_duplicates(_counted(pool.map(checked, found))))
    items = tuple(result for result in results if isinstance(result, Item))
    rejected = [result for result in results if isinstance(result, Rejected)]
    manifest, quarantine_path = Manifest(root, items), out.with_name(f"{out.stem}.quarantine.jsonl")
    write_rows(quarantine_path, ({"path": it.path, "kind": it.kind, "reason": it.reason} for it in rejected))
    kinds = Counter(it.kind for it in rejected)
    if not items:
        raise _nothing_usable(sources, kinds, quarantine_path)
    write_manifest(out, manifest)
    return PrepareReport(len(manifest.images), len(manifest.videos), kinds, out, quarantine_path)


def check_manifest(manifest: Manifest, *, workers: int = 1, time_limit_s: float = 60.0) -> list[Rejected]:
    """Decodes every item again and compares bytes, size, frames and rate with what the manifest says.

    Returns:
        What is no longer as it was; empty when all is well.
    """
    with DecoderPool(workers, time_limit_s) as pool:
        results = pool.map(partial(_recheck, root=manifest.root), manifest.items)
        return [result for result in results if result]


def _require(holds: bool, name: str, found: float, expected: str) -> None:
    if not holds:
        raise InputError(f"prepare cannot use {name} {found}.", found=f"{found}", expected=expected)


def _recheck(item: Item, decode: Measure, root: Path) -> Rejected | None:
    path = root / item.path
    size = path.stat().st_size if item.offset is None and path.is_file() else item.size
    facts = decode(Request(path, item.offset, size, item.kind))
    if isinstance(facts, Problem):
        return Rejected(item_name(item), facts.kind, facts.text)
    changed = replace(
        item,
        size=size,
        width=facts.width,
        height=facts.height,
        frames=facts.frames,
        fps=facts.fps,
        sha256=facts.sha256,
    )
    if changed == item:
        return None
    names = [name for name, value in vars(changed).items() if value != getattr(item, name)]
    return Rejected(item_name(item), CHANGED, f"different: {', '.join(names)}; run prepare again")


def _counted(results: Iterable[Item | Rejected]) -> Iterator[Item | Rejected]:
    for number, result in enumerate(results, start=1):
        if number % _FILES_PER_MESSAGE == 0:
            logger.info("%d files decoded", number)
        yield result


def _without_duplicates(results: Iterable[Item | Rejected]) -> Iterator[Item | Rejected]:
    """The first file of each content stays; the others are named after it."""
    first_by_hash: dict[str, str] = {}
    for result in results:
        if isinstance(result, Rejected):
            yield result
        elif first := first_by_hash.get(result.sha256):
            yield Rejected(item_name(result), DUPLICATE, f"duplicate of {first}")
        else:
            first_by_hash[result.sha256] = item_name(result)
            yield result


def _common_root(sources: Sequence[Path], out: Path) -> Path:
    """The deepest folder that holds all sources; the manifest's folder where there is none."""
    folders = [
        path if path.is_dir() else path.parent
        for path in (Path(os.path.abspath(source)) for source in sources)
    ]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # no sources, or several drives
        return out.absolute().parent


def _nothing_usable(sources: Sequence[Path], kinds: Counter[str], quarantine_path: Path) -> InputError:
    counts = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common())
    return InputError(
        f"Nothing to train on in {', '.join(map(str, sources)) or 'no source at all'}.",
        found=counts or "no picture and no video",
        expected="at least one whole picture or video with a caption",
        fix=f"Read {quarantine_path} for the reason of each file."
        if kinds
        else "Name another folder or list.",
    )
