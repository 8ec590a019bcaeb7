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
class Given:
    """What all results are compared with; what is not given leaves its metrics out."""

    prompt: bool = True
    references: bool = True

    def of(self) -> tuple[str, ...]:
        """The parts of a similarity that can be computed."""
        return ("text",) * self.prompt + ("style",) * self.references + ("temp",)


@dataclass(frozen=True)
class Chosen:
    """Metrics, and for each one that cannot be computed why, by its name."""

    metrics: tuple[Metric, ...]
    left_out: dict[str, str]


def choose(files: WeightFiles, given: Given, names: Sequence[str] | None = None) -> Chosen:
    """The metrics of these names, or all that can be computed here.

    Raises:
        InputError: a name is none; a metric that is named lacks its package, prompt or reference.
        WeightFileError: a file is given and is not what it should be.
    """
    makers = _makers(files, given)
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


def _makers(files: WeightFiles, given: Given) -> dict[str, Callable[[], Metric]]:
    return {
        "clip": lambda: _clip(files.clip, given),
        "dino": lambda: _dino(files.dino, given),
        "conse": lambda: _with_prompt("conse", given, _conse),
        "style_numbers": lambda: _with_reference("style_numbers", given, _style_numbers),
        "vgg": lambda: _with_reference("vgg", given, _vgg),
        "copies": lambda: _with_reference("copies", given, Copies),
        "motion": lambda: Motion(dis_medium()),
        "motion_farneback": lambda: Motion(farneback()),
        "motion_raft": lambda: Motion(raft_small(_file(files.raft, "motion_raft", "--raft"))),
    }


def _clip(file: Path | None, given: Given) -> Metric:
    from .file_embedders import OpenClip

    return Similarity("clip", OpenClip(_file(file, "clip", "--clip")), given.of())


def _dino(file: Path | None, given: Given) -> Metric:
    from .file_embedders import Dino

    of = tuple(part for part in given.of() if part != "text")
    return Similarity("dino", Dino(_file(file, "dino", "--dino")), of)


def _conse() -> Metric:
    from .package_embedders import ClassNames

    return Similarity("conse", ClassNames(), ("text",))


def style_metrics() -> tuple[StyleDistance, ...]:
    """Every style distance.

    Raises:
        InputError: a package is not installed, or the style network was not fetched.
    """
    return (_style_numbers(), _vgg())


def _style_numbers() -> StyleDistance:
    from .package_embedders import StyleNumbers

    return StyleDistance(StyleNumbers(), cosine_distances)


def _vgg() -> StyleDistance:
    from ..family.packages import style_network_file
    from .package_embedders import VggStatistics

    network = VggStatistics(style_network_file())
    return StyleDistance(network, network.distances)


def _with_prompt(metric: str, given: Given, make: Callable[[], Metric]) -> Metric:
    if not given.prompt:
        raise _not_given(metric, "a prompt", "--prompt")
    return make()


def _with_reference(metric: str, given: Given, make: Callable[[], Metric]) -> Metric:
    if not given.references:
        raise _not_given(metric, "a reference", "--reference")
    return make()


def _not_given(metric: str, what: str, option: str) -> InputError:
    return InputError(
        f"The metric {metric} needs {what}.", found="none", expected=what, fix=f"give it with {option}"
    )


def _file(file: Path | None, metric: str, option: str) -> Path:
    if file is None:
        raise InputError(
            f"The metric {metric} needs a weight file.",
            found="none",
            expected="a file that you have",
            fix=f"name it with {option}",
        )
    return file
