"""YAML and `--set a.b=c` to a checked Config, with errors that name the field and the nearest known one."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from ...errors import InputError
from .schema import Config


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config in a YAML file, with single fields replaced.

    `${a.b}` in a text stands for the field a.b of the same config, so that paths follow `run.dir`.

    Args:
        path: of the YAML file. Relative paths in it are relative to the working directory.
        overrides: "a.b=c" each; c is read as YAML.

    Raises:
        InputError: the file cannot be read, a field is unknown (the nearest known one is named), missing, of
            the wrong type or out of range.
    """
    data = _read_yaml(path)
    for override in overrides:
        _set(data, override)
    data = _resolved(data, data, str(path))
    try:
        return Config.model_validate(data)
    except ValidationError as problem:
        raise _explained(problem, str(path)) from problem


def save_config(config: Config, path: Path) -> None:
    """Write the resolved config as YAML, whole or not at all."""
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise InputError(
            f"The config {path} cannot be read.",
            found=problem.strerror or str(problem),
            expected="a YAML file, such as those in configs/",
            fix="check the path given to --config",
        ) from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise InputError(f"The config {path} is not YAML.", found=str(problem)) from problem
    if not isinstance(data, dict):
        raise InputError(
            f"The config {path} holds no sections.",
            found=type(data).__name__,
            expected=f"a mapping with {', '.join(Config.model_fields)}",
        )
    return data


def _set(data: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not name:
        raise InputError(
            "A --set is not of the form a.b=c.", found=override, expected="for example --set run.steps=100"
        )
    *sections, field = name.split(".")
    for section in sections:
        value = data.setdefault(section, {})
        if value is None:
            value = data[section] = {}
        if not isinstance(value, dict):
            raise InputError(f"--set {override}: {section} is no section.", found=repr(value))
        data = value
    try:
        data[field] = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise InputError(f"--set {override}: the value is not YAML.", found=str(problem)) from problem


def _resolved(value: Any, root: dict[str, Any], file: str) -> Any:
    """The value with every `${a.b}` replaced, one level deep: a reference leads to a plain value."""
    if isinstance(value, dict):
        return {name: _resolved(inner, root, file) for name, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, root, file) for inner in value]
    if not isinstance(value, str):
        return value
    start = value.find("${")
    while start >= 0:
        end = value.find("}", start)
        if end < 0:
            raise InputError(f"{file}: a reference is not closed.", found=value, expected="${section.field}")
        name = value[start + 2 : end]
        value = f"{value[:start]}{_looked_up(name, root, file)}{value[end + 1 :]}"
        start = value.find("${")
    return value


def _looked_up(name: str, root: dict[str, Any], file: str) -> str:
    found: Any = root
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if found is None or isinstance(found, dict | list) or f"${{{name}}}" in str(found):
        raise InputError(
            f"{file}: ${{{name}}} leads nowhere.",
            found="no plain value of that name in the config",
            expected="the name of a field, as in ${run.dir}",
        )
    return str(found)


def _explained(problem: ValidationError, file: str) -> InputError:
    lines = []
    for error in problem.errors():
        where = ".".join(str(part) for part in error["loc"]) or "the config as a whole"
        if error["type"] == "extra_forbidden":
            lines.append(f"{where}: unknown{_nearest(error['loc'])}")
        elif error["type"] == "missing":
            lines.append(f"{where}: not given")
        else:
            lines.append(f"{where}: {error['msg'].removeprefix('Value error, ')}, found {error['input']!r}")
    return InputError(
        f"The config {file} cannot be used.",
        found="\n  ".join(["", *lines]),
        expected="fields as described in stylecrafter_core/training/config/schema.py",
        fix="correct the fields named above, or leave them out where there is a default",
    )


def _nearest(location: tuple[Any, ...]) -> str:
    """The known field that looks most like the unknown one, of the same section first, then of any."""
    *sections, field = location
    model: Any = Config
    for section in sections:
        model = _section(model, str(section))
    here = list(model.model_fields) if model is not None else []
    close = difflib.get_close_matches(str(field), here, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {'.'.join([*map(str, sections), close[0]])}?"
    everywhere = {name: f"{part}.{name}" for part in Config.model_fields for name in _fields(part)}
    close = difflib.get_close_matches(str(field), [*everywhere, *Config.model_fields], n=1, cutoff=0.0)
    return f"; the nearest known one is {everywhere.get(close[0], close[0])}" if close else ""


def _fields(section: str) -> list[str]:
    model = _section(Config, section)
    return [] if model is None else list(model.model_fields)


def _section(model: Any, name: str) -> type[BaseModel] | None:
    if model is None or name not in model.model_fields:
        return None
    annotation = model.model_fields[name].annotation
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
