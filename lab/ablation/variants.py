"""What is trained and what is compared: the paper's method, and its ablations, a field of the config each."""

from __future__ import annotations

from dataclasses import dataclass

from ..judging.judges import COPY, MOTION, NEAREST, RECOGNISED, SIMILARITY, WARP, WARP_MASKED

STAGES = {"style": "configs/small_style.yaml", "temporal": "configs/small_temporal.yaml"}


@dataclass(frozen=True)
class Run:
    """One training by `train.py`.

    Attributes:
        name: of its folder.
        stage: the command of train.py; its shipped config is where the run starts from.
        overrides: what differs from that config.
        after: the run whose adapter it starts from.
        on_both: stage 1 on pictures and clips, for as many steps as both stages have.
    """

    name: str
    stage: str
    overrides: tuple[str, ...] = ()
    after: str | None = None
    on_both: bool = False


RUNS = {
    run.name: run
    for run in (
        Run("style", "style"),
        Run("no_augmentation", "style", ("data.style_crop=centre",)),
        Run("attach", "style", ("method.fusion=attach",)),
        Run("fixed_gain", "style", ("method.gain=fixed",)),
        Run("joint", "style", ("method.joint=true",), on_both=True),
        Run("temporal", "temporal", after="style"),
        Run("no_temporal", "temporal", ("method.temporal_stage=false",), after="style"),
    )
}


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    Attributes:
        title: in words.
        run: whose weights are scored.
        paper: the published numbers, in the order of the table's `paper_columns`.
        attached: the style stands behind the text's tokens.
        moves: videos are scored, with the run's temporal blocks; else pictures.
    """

    name: str
    title: str
    run: str
    paper: tuple[float, ...]
    attached: bool = False
    moves: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the paper (arXiv 2312.00330), in miniature.

    Attributes:
        paper_columns: its numbers.
        measured: our measure beside each of them, by its name in the scores.
        beside: further measures, which the paper does not have.
        variants: rows; the first is the method itself.
    """

    name: str
    paper_columns: tuple[str, ...]
    measured: tuple[str, ...]
    beside: tuple[str, ...]
    variants: tuple[Variant, ...]


PICTURES = Table(  # the paper's table 4
    "pictures",
    ("CLIP-Text", "CLIP-Style"),
    (RECOGNISED, NEAREST),
    (SIMILARITY, COPY),
    (
        Variant("full", "full", "style", (0.3028, 0.4836)),
        Variant("no_augmentation", "no style augmentation", "no_augmentation", (0.3173, 0.4005)),
        Variant("attach", "attach to text", "attach", (0.0983, 0.7332), attached=True),
        Variant("fixed_gain", "fixed gain", "fixed_gain", (0.2807, 0.4925)),
    ),
)
VIDEOS = Table(  # the paper's table 5
    "videos",
    ("CLIP-Text", "CLIP-Style", "warp error"),
    (RECOGNISED, NEAREST, WARP),
    (WARP_MASKED, MOTION),
    (
        Variant("two_stages", "full, two stages", "temporal", (0.2726, 0.4531, 18.73), moves=True),
        Variant("no_temporal", "no temporal stage", "no_temporal", (0.2691, 0.3923, 47.88), moves=True),
        Variant("joint", "joint training", "joint", (0.3138, 0.2226, 24.74), moves=True),
    ),
)
TABLES = (PICTURES, VIDEOS)
VARIANTS = {variant.name: variant for table in TABLES for variant in table.variants}
