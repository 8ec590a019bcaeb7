"""Results to numbers: one JSON document holds them all, and everything else is made from it."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from stylecrafter_core.errors import InputError, MediaError, StyleCrafterError
from stylecrafter_core.files import written_whole
from stylecrafter_core.metrics import Metric, Wanted, measure

from ..measures import estimate
from .frames import PICTURES, RESULTS, Opened, Unreadable, decoded_ahead
from .shards import Shard, same_threads
from .test_set import Pair, read_picture

FORMAT = 2
SCORES = "scores.json"
PAIRS = "scored"
FAILED = ".failed"  # in place of a result: why there is none

Document = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Scored:
    """One result to be scored.

    Attributes:
        file: the result; None where there is none.
        failed: why there is none, if that is known.
    """

    pair: Pair
    file: Path | None
    failed: str = ""

    def name(self) -> str:
        return self.pair.name if self.file is None else self.file.stem


def results_of(pairs: Sequence[Pair], folder: Path) -> list[Scored]:
    """The result of each pair: the file that has its number as name. It may be missing."""
    files = {file.stem: file for file in _result_files(folder)}
    return [Scored(pair, files.get(pair.name), _why_failed(folder, pair)) for pair in pairs]


def _why_failed(folder: Path, pair: Pair) -> str:
    file = folder / f"{pair.name}{FAILED}"
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""


def results_in(folder: Path, prompt: str, references: Sequence[Path]) -> list[Scored]:
    """Every picture and video of a folder, all with the same prompt and references.

    Raises:
        InputError: there is none.
    """
    files = _result_files(folder)
    if not files:
        raise InputError(
            f"There are no results in {folder}.",
            found="no picture and no video" if folder.is_dir() else "no such folder",
            expected=f"files that end in {', '.join(RESULTS)}",
            fix="name the folder that holds them",
        )
    return [Scored(Pair(number, prompt, tuple(references)), file) for number, file in enumerate(files)]


def _result_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*") if file.suffix.lower() in RESULTS)


def score(
    results: Sequence[Scored], metrics: Sequence[Metric], folder: Path, shard: Shard, say: Say
) -> Document | None:
    """Score this process's part, then, in the first process, write the document of all.

    What is scored already is kept, as long as metrics, result and references are the same files.

    Args:
        folder: gets `scores.json`, and `scored/` with a file for each pair.

    Returns:
        The document; None in all processes but the first.
    """
    mine = [result for result in shard.part(results) if not _is_done(result, metrics, folder)]
    with same_threads():
        for done, opened in enumerate(decoded_ahead(mine, _wanted, _file), start=1):
            row = _row(opened, metrics)
            _write(folder / PAIRS / f"{opened.item.name()}.json", {"of": _state(opened.item, metrics), **row})
            say(f"{opened.item.name()}: {row.get('problem', 'scored')} ({done} of {len(mine)})")
    shard.wait_for_all()
    if not shard.is_first:
        return None
    document = _document(results, metrics, folder)
    _write(folder / SCORES, document)
    return document


def problems(document: Document) -> list[str]:
    """One line for each result that has no numbers."""
    return [f"{row['name']}: {row['problem']}" for row in document["pairs"] if "problem" in row]


def read_scores(file: Path) -> Document:
    """A document that `score` wrote.

    Raises:
        InputError: it cannot be read, or is of another format.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise _no_scores(file, str(problem)) from problem
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise _no_scores(file, f"format {found}")
    return document


def _no_scores(file: Path, found: str) -> InputError:
    return InputError(
        f"{file} holds no scores.",
        found=found,
        expected=f"{SCORES} of format {FORMAT}",
        fix="score the results again with `python evaluate.py score`",
    )


def _wanted(result: Scored) -> Wanted:
    if result.file is None:
        raise MediaError(
            result.failed or f"There is no result of pair {result.pair.name}.",
            found="" if result.failed else "no picture or video of that name",
            expected=f"{result.pair.name} with one of {', '.join(RESULTS)}",
            fix="run `generate` again: it makes what is missing",
        )
    return Wanted(tuple(read_picture(file) for file in result.pair.references), result.pair.prompt)


def _file(result: Scored) -> Path:
    assert result.file is not None  # _wanted has raised
    return result.file


def _row(opened: Opened[Scored, Wanted] | Unreadable[Scored], metrics: Sequence[Metric]) -> dict[str, Any]:
    """What stands in the document of one result: its values, or why it has none."""
    pair = opened.item.pair
    row: dict[str, Any] = {
        "name": opened.item.name(),
        "prompt": pair.prompt,
        "references": ["/".join(file.parts[-2:]) for file in pair.references],
    }
    if isinstance(opened, Unreadable):
        return row | {"problem": in_a_line(opened.problem)}
    still = _file(opened.item).suffix.lower() in PICTURES
    wanted = [metric for metric in metrics if not (still and metric.in_time)]
    try:
        values = measure(wanted, _noting_size(opened.pieces, row), opened.asked)
    except StyleCrafterError as problem:
        return row | {"problem": in_a_line(problem)}
    return row | {"values": {name: value if math.isfinite(value) else None for name, value in values.items()}}


def _noting_size(pieces: Iterator[Tensor], row: dict[str, Any]) -> Iterator[Tensor]:
    for piece in pieces:
        row["size"] = [piece.shape[2], piece.shape[1]]
        yield piece


def in_a_line(problem: StyleCrafterError) -> str:
    """What is wrong and what was found."""
    found = f" Found: {problem.found}." if problem.found else ""
    return " ".join(f"{problem.what}{found}".split())


def _document(results: Sequence[Scored], metrics: Sequence[Metric], folder: Path) -> Document:
    rows = []
    for result in results:
        row = _read(folder / PAIRS / f"{result.name()}.json")
        row.pop("of")
        rows.append(row)
    _leave_out_other_sizes(rows)
    names = list(dict.fromkeys(name for row in rows for name in row.get("values", {})))
    columns = {
        name: [row["values"][name] for row in rows if row.get("values", {}).get(name) is not None]
        for name in names
    }
    return {
        "format": FORMAT,
        "metrics": _about(metrics),
        "summary": {
            name: _without_nan(asdict(estimate(values))) for name, values in columns.items() if values
        },
        "pairs": rows,
    }


def _leave_out_other_sizes(rows: list[dict[str, Any]]) -> None:
    """Numbers depend on the size: results of another one than most have none in the document."""
    scored = [row for row in rows if "values" in row]
    counted = Counter(tuple(row["size"]) for row in scored)
    for row in scored:
        (width, height), _ = counted.most_common(1)[0]
        if row["size"] != [width, height]:
            del row["values"]
            found = "{} × {}".format(*row["size"])
            row["problem"] = f"It has another size than most: {found} pixels, not {width} × {height} pixels."


def _about(metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    return [
        {"name": metric.name, "version": metric.version, "weights": dict(metric.weights)}
        for metric in metrics
    ]


def _state(result: Scored, metrics: Sequence[Metric]) -> dict[str, Any]:
    """What a row depends on."""
    files = [*([] if result.file is None else [result.file]), *result.pair.references]
    return {
        "format": FORMAT,
        "metrics": _about(metrics),
        "prompt": result.pair.prompt,
        "files": [[file.name, *_stamp(file)] for file in files],
    }


def _stamp(file: Path) -> list[int]:
    if not file.is_file():
        return []
    about = file.stat()
    return [about.st_size, about.st_mtime_ns]


def _is_done(result: Scored, metrics: Sequence[Metric], folder: Path) -> bool:
    file = folder / PAIRS / f"{result.name()}.json"
    if not file.is_file():
        return False
    row = _read(file)
    return "values" in row and row["of"] == _state(result, metrics)


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value != value else value for name, value in values.items()}


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


def _write(file: Path, content: Any) -> None:
    with written_whole(file) as partial:
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        partial.write_text(f"{text}\n", encoding="utf-8")
