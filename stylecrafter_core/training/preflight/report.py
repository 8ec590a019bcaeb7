"""What a preflight found, section by section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Section:
    """One thing that was looked at.

    Attributes:
        title: what.
        text: what was found, in lines.
        passed: whether a run can go on with it.
    """

    title: str
    text: str
    passed: bool = True


@dataclass(frozen=True)
class PreflightReport:
    """All that was looked at.

    Attributes:
        text: for people.
        passed: whether nothing is wrong.
    """

    text: str
    passed: bool


def report_of(sections: Sequence[Section]) -> PreflightReport:
    """The sections one below the other, and the verdict."""
    wrong = [section.title for section in sections if not section.passed]
    verdict = f"NOT PASSED: {', '.join(wrong)}" if wrong else "Passed: nothing speaks against this run."
    return PreflightReport("\n\n".join([*map(_written, sections), verdict]), not wrong)


def size(num_bytes: float) -> str:
    """Bytes for people: 1.5 MB, 2.3 GB."""
    for unit in ("kB", "MB"):
        num_bytes /= 1000
        if num_bytes < 1000:
            return f"{num_bytes:.1f} {unit}"
    return f"{num_bytes / 1000:.2f} GB"


def duration(seconds: float) -> str:
    """Seconds for people: 12 s, 3.4 min, 5.6 h, 2.3 days."""
    for unit, most in (("s", 60), ("min", 60), ("h", 24)):
        if seconds < most:
            return f"{seconds:.3g} {unit}"
        seconds /= most
    return f"{seconds:.3g} days"


def bytes_in(path: Path) -> int:
    """The size of a file, or of all files below a folder; 0 where there is none."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _written(section: Section) -> str:
    lines = "\n".join(f"  {line}" for line in section.text.splitlines())
    return f"{section.title}{'' if section.passed else ' - NOT PASSED'}\n{lines}"
