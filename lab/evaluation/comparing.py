"""The commands of evaluate.py: one method, one scoring, or a whole comparison in one folder.

A comparison's folder: `<method>/` with results, settings and `scores.json`; `methods.json`; the report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scripts.demo_jobs import VALUES
from stylecrafter_core.errors import InputError, StyleCrafterError
from stylecrafter_core.files import written_whole

from .generating import Job, generate, stands
from .host import Host, KeptHost, Settings, running_host
from .methods import METHODS, method_named
from .metric_choice import Chosen
from .report import Column, write_report
from .scoring import SCORES, Scored, in_a_line, problems, read_scores, results_of, score
from .shards import Shard, this_shard
from .test_set import Pair

LIST = "methods.json"


@dataclass(frozen=True)
class Run:
    """What generating needs besides the pairs.

    Attributes:
        out: folder of the run.
        seed: of the first pair.
        values: for every input of these names in every workflow.
        models, cpu: see `host.Settings`.
    """

    out: Path
    seed: int
    values: dict[str, Any]
    models: Path | None
    cpu: bool | None
    shard: Shard
    say: Callable[[str], None]

    def host(self) -> AbstractContextManager[Host]:
        """A host for this process, not started yet."""
        return running_host(Settings(self.models, self.values, self.cpu), self.out / "hosts", self.shard)


def small_models(out: Path) -> tuple[Path, dict[str, Any]]:
    """The repository's small weights as a models folder, and what they were trained for."""
    from ..family.family import place

    shard = this_shard()
    models = out / "hosts" / f"small-{shard.number}"
    names = place(models)
    names["StyleCrafterVideoModelLoader.ckpt_name"] = names.pop("ckpt_name")  # no checkpoint of the others'
    return models, {**names, **VALUES}


def methods_in_words(run: Run) -> str:
    """A line for each method: its table, its title, and "runs" or what it lacks here."""
    with run.host() as host:
        lines = []
        for name, method in METHODS.items():
            lacks = host.lacks(method, run.values)
            state = "runs" if not lacks else f"lacks {'; '.join(lacks)}"
            state = method.note if method.workflow is None else state
            note = f" ({method.note})" if method.note and method.workflow is not None else ""
            lines.append(f"{name:28} {method.row or 'ours':30} {method.title}: {state}{note}")
    return "\n".join(lines)


def generate_one(run: Run, name: str, folder: Path, pairs: Sequence[Pair]) -> list[str]:
    """The results of one method; returns a line for each pair that failed."""
    return generate(_job(run, name, folder, pairs), run.host, run.shard, run.say)


def _job(run: Run, name: str, folder: Path, pairs: Sequence[Pair]) -> Job:
    return Job(method_named(name), pairs, folder, run.seed, run.values)


def score_one(
    results: Sequence[Scored], chosen: Chosen, folder: Path, shard: Shard, say: Callable[[str], None]
) -> list[str]:
    """The numbers of one folder; returns a line for each result without, of several processes the first."""
    document = score(results, chosen.metrics, folder, shard, say)
    return [] if document is None else problems(document)


def compare(run: Run, names: Sequence[str], pairs: Sequence[Pair], chosen: Chosen, rows: int) -> list[str]:
    """All of it: results, numbers and report of several methods; returns a line for each failure.

    A method that cannot run is named, and the others go on. One host makes the results of all methods.
    """
    methods = {name: method_named(name) for name in dict.fromkeys(names)}
    folders = {name: _folder(name) for name in methods}
    failed: list[str] = []
    scored: list[str] = []
    with KeptHost(run.host) as host:
        for name, method in methods.items():
            job = _job(run, name, run.out / folders[name], pairs)
            cannot_run, lines = _generated(job, host, run)
            run.shard.wait_for_all()  # also where this process has failed, for the others wait for it
            if stands(job):
                # These name the pairs that were not made, too.
                lines = cannot_run + _numbers_of(job, chosen, run)
                scored.append(name)
            failed += [f"{method.title}, {line}" for line in lines]
    if run.shard.is_first and scored:
        titles = {folders[name]: methods[name].title for name in scored}
        with written_whole(run.out / LIST) as partial_file:
            partial_file.write_text(json.dumps(titles, indent=1) + "\n", encoding="utf-8")
        for file in report(run.out, pairs, rows):
            run.say(str(file))
    return failed


def _generated(job: Job, host: KeptHost, run: Run) -> tuple[list[str], list[str]]:
    """Why the method cannot run, and a line for each failure, that one among them."""
    try:
        return [], generate(job, host.running, run.shard, run.say)
    except StyleCrafterError as problem:
        line = in_a_line(problem)
        run.say(f"{job.method.title}: {line}")
        return [line], [line]


def _numbers_of(job: Job, chosen: Chosen, run: Run) -> list[str]:
    say = partial(_say_of, run.say, job.method.title)
    return score_one(results_of(job.pairs, job.folder), chosen, job.folder, run.shard, say)


def report(comparison: Path, pairs: Sequence[Pair], rows: int) -> list[Path]:
    """The report of a comparison's folder, from its scores.

    Raises:
        InputError: there is none; or numbers of one name are not comparable.
    """
    file = comparison / LIST
    if not file.is_file():
        raise InputError(
            f"{comparison} is no comparison.",
            found=f"no {LIST}",
            expected="the --out folder of `evaluate.py compare`",
            fix="run `compare` first",
        )
    titles = json.loads(file.read_text(encoding="utf-8"))
    columns = [
        Column(title, comparison / name, read_scores(comparison / name / SCORES))
        for name, title in titles.items()
    ]
    return write_report(columns, pairs, comparison, rows)


def _folder(name: str) -> str:
    return Path(name).stem if name.endswith(".json") else name


def _say_of(say: Callable[[str], None], title: str, line: str) -> None:
    say(f"{title}: {line}")
