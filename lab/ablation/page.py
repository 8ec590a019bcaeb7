"""The page of the comparison: its tables between the document's marks, its pictures beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from ..family.sizes import FRAMES
from ..judging.document import put_pictures, put_tables
from ..judging.paintings import square
from ..judging.study import Study, read_record
from ..measures import labelled_sheet, markdown_table
from ..scenes import PUBLISHED
from .comparison import differences_table, values_table
from .scoring import CLAIM, read_scores, read_shown, record_file, scored_seeds, shown_pairs
from .variants import PICTURES, TABLES, VIDEOS, Table, Variant

TOPICS = ("miniature", *(table.name for table in TABLES))  # of its tables and pictures


def write_page(work: Path, study: Study, seeds: Sequence[int], document: Path) -> None:
    """Tables and pictures of all that is scored, into the document.

    Raises:
        InputError: the document has no marks for a table or a picture.
    """
    tables = {"miniature_settings": _settings(work, seeds)}
    for table in TABLES:
        done = scored_seeds(work, table.variants, seeds)
        scores = read_scores(work, table.variants, done)
        tables[f"miniature_{table.name}"] = values_table(table, scores)
        tables[f"miniature_{table.name}_differences"] = differences_table(table, scores)
    put_tables(document, tables)
    for table, draw in ((PICTURES, _pictures), (VIDEOS, _videos)):
        variants, seed = _shown(work, table, seeds)
        if variants:
            put_pictures(document, {table.name: draw(work, study, variants, seed)})


def _settings(work: Path, seeds: Sequence[int]) -> str:
    found = read_record(work / CLAIM)
    sampling, judge = found["sampling"], found["judge"]
    rows = [
        ["training seeds", " ".join(map(str, seeds))],
        ["trained on", f"{found['pictures']} pictures, {found['clips']} clips"],
        ["steps of stage 1", found["style_steps"]],
        ["steps of stage 2", found["temporal_steps"]],
        ["further settings of the trainer", " ".join(found["overrides"]) or "none"],
        *(
            [f"{table.name}: paintings × prompts", " × ".join(map(str, found["pairs"][table.name]))]
            for table in TABLES
        ),
        ["sampling", f"{sampling['steps']} steps of {sampling['sampler_name']}"],
        ["size", f"{sampling['width']} × {sampling['height']} pixels; videos {FRAMES} frames"],
        ["text scale, style scale", f"{sampling['cfg_text']:g}, {sampling['cfg_style']:g}"],
        ["content judge", f"{judge['scenes']} scenes, {judge['steps']} steps"],
        *([name, f"SHA-256 {sha256}"] for name, sha256 in found["family"].items()),
    ]
    return markdown_table(["setting", "value"], [[name, str(value)] for name, value in rows])


def _shown(work: Path, table: Table, seeds: Sequence[int]) -> tuple[list[Variant], int]:
    """The variants that can be shown, and the first seed, whose results are."""
    seed = seeds[0]
    return [variant for variant in table.variants if record_file(work, variant, seed).is_file()], seed


def _pictures(work: Path, study: Study, variants: Sequence[Variant], seed: int) -> Tensor:
    """A row for each pair: its painting, then every variant's result."""
    made = [read_shown(work, variant, seed)[:, 0] for variant in variants]
    pairs = shown_pairs(study, variants[0])
    rows = [
        [square(painting, PUBLISHED.side), *(of[n] for of in made)] for n, (painting, _) in enumerate(pairs)
    ]
    return labelled_sheet(
        rows, [prompt for _, prompt in pairs], ["reference", *(variant.title for variant in variants)]
    )


def _videos(work: Path, study: Study, variants: Sequence[Variant], seed: int) -> Tensor:
    """A row for each variant: the first pair's painting, then the frames of its video."""
    painting, prompt = shown_pairs(study, variants[0])[0]
    rows = [[square(painting, PUBLISHED.side), *read_shown(work, variant, seed)[0]] for variant in variants]
    frames = [f"frame {number}" for number in range(1, len(rows[0]))]
    return labelled_sheet(
        rows, [f"{variant.title}: {prompt}" for variant in variants], ["reference", *frames]
    )
