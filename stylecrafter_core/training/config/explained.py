"""What is wrong with a config, in words: the field, the nearest known one, what was found."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError

from ...errors import InputError
from .schema import Config

ALIKE = 0.5  # difflib's measure of likeness, 0..1


def explained(problem: ValidationError, file: str) -> InputError:
    """All problems of a config as one error."""
    lines = [_line(error) for error in problem.errors()]
    return InputError(
        f"The config {file} cannot be used.",
        found="\n  ".join(["", *lines]),
        expected="fields as described in stylecrafter_core/training/config/schema.py",
        fix="correct the fields named above, or leave them out where there is a default",
    )


def _line(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "the config as a whole"
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown{_nearest(error['loc'])}"
    if error["type"] == "missing":
        return f"{where}: not given"
    found = "" if isinstance(error["input"], dict) else f", found {error['input']!r}"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}{found}"


def _nearest(location: tuple[Any, ...]) -> str:
    """The field that was probably meant: of that name elsewhere, alike in the section, alike elsewhere."""
    *sections, field = map(str, location)
    model: Any = Config
    for section in sections:
        model = _section(model, section)
    here = {name: ".".join([*sections, name]) for name in (model.model_fields if model else ())}
    # Where two sections have a field of that name, the first one counts.
    elsewhere = {name: f"{part}.{name}" for part in reversed(Config.model_fields) for name in _fields(part)}
    everywhere = {name: name for name in Config.model_fields} | elsewhere
    close = [elsewhere[field]] if field in elsewhere else _alike(field, here, ALIKE)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; the nearest known one is {_alike(field, everywhere, 0.0)[0]}"


def _alike(field: str, known: dict[str, str], least: float) -> list[str]:
    return [known[name] for name in difflib.get_close_matches(field, known, n=1, cutoff=least)]


def _fields(section: str) -> list[str]:
    model = _section(Config, section)
    return [] if model is None else list(model.model_fields)


def _section(model: Any, name: str) -> type[BaseModel] | None:
    if model is None or name not in model.model_fields:
        return None
    annotation = model.model_fields[name].annotation
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
