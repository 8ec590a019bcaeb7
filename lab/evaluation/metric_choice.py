"""Which metrics are computed: those whose packages and files are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stylecrafter_core.errors import InputError
from stylecrafter_core.metrics import Copies, Metric, Motion, Similarity, dis_medium, farneback, raft_small

from ..measures import cosine_distances
from .style_distance import StyleDistance


@dataclass(frozen=True)
class WeightFiles:
    """Files that the user has; None leaves their metrics out."""

    clip: Path | None = None
    dino: Path | None = None
    raft: Path | None = None


@dataclass(frozen=True)
class Chosen:
    """Metrics, and for each one that cannot be computed why, by its name."""

    metrics: tuple[Metric, ...]
    left_out: dict[str, str]


def choose(files: WeightFiles, names: Sequence[str] | None = None) -> Chosen:
    """The metrics of these names, or all that can be computed here.

    Raises:
        InputError: a name is none; a metric that is named lacks its package.
        WeightFileError: a file is given and is not what it should be.
    """
    makers = _makers(files)
    if unknown := [name for name in names or () if name not in makers]:
        raise InputError(
            "There is no such metric.",
            found=", ".join(unknown),
            expected=", ".join(makers),
            fix="name some of these, or none for all that can be computed",
        )
    metrics: list[Metric] = []
    left_out: dict[str, str] = {}
    for name in names or makers:
        try:
            metrics.append(makers[name]())
        except InputError as problem:
            if names:
                raise
            left_out[name] = f"{problem.what} {problem.fix}"
    return Chosen(tuple(metrics), left_out)


def _makers(files: WeightFiles) -> dict[str, Callable[[], Metric]]:
    return {
        "clip": lambda: _clip(files.clip),
        "dino": lambda: _dino(files.dino),
        "conse": _conse,
        "style_numbers": _style_numbers,
        "vgg": _vgg,
        "copies": Copies,
        "motion": lambda: Motion(dis_medium()),
        "motion_farneback": lambda: Motion(farneback()),
        "motion_raft": lambda: Motion(raft_small(_given(files.raft, "motion_raft", "--raft"))),
    }


def _clip(file: Path | None) -> Metric:
    from .file_embedders import OpenClip

    return Similarity("clip", OpenClip(_given(file, "clip", "--clip")))


def _dino(file: Path | None) -> Metric:
    from .file_embedders import Dino

    return Similarity("dino", Dino(_given(file, "dino", "--dino")), ("style", "temp"))


def _conse() -> Metric:
    from .package_embedders import ClassNames

    return Similarity("conse", ClassNames(), ("text",))


def _style_numbers() -> Metric:
    from .package_embedders import StyleNumbers

    return StyleDistance(StyleNumbers(), cosine_distances)


def _vgg() -> Metric:
    from ..family.packages import style_network_file
    from .package_embedders import VggStatistics

    network = VggStatistics(style_network_file())
    return StyleDistance(network, network.distances)


def _given(file: Path | None, metric: str, option: str) -> Path:
    if file is None:
        raise InputError(
            f"The metric {metric} needs a weight file.",
            found="none",
            expected="a file that you have",
            fix=f"name it with {option}",
        )
    return file
