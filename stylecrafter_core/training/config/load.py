"""YAML and `--set a.b=c` to a checked Config, and back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ...errors import InputError
from ...files import written_whole
from .explained import explained
from .references import resolved
from .schema import Config

MOST_VALUES = 100_000  # more than any config holds
_FLOAT = "tag:yaml.org,2002:float"
_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")  # unlike in YAML 1.1, 1e-4 is a number


class _Loader(yaml.SafeLoader):
    """Plain data only; a key given twice is an error, and a date is a text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((key for key, count in Counter(keys).items() if count > 1), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{twice} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Plain data only; quotes the texts that `_Loader` would take for numbers."""


for _class in (_Loader, _Dumper):
    _class.add_implicit_resolver(_FLOAT, _EXPONENT, list("-+.0123456789"))
    _class.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in rules if not tag.endswith(":timestamp")]
        for first, rules in _class.yaml_implicit_resolvers.items()
    }


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
    _refuse_materials(data.pop("materials", None), path)
    try:
        return Config.model_validate(resolved(data, data, str(path)))
    except ValidationError as problem:
        raise explained(problem, str(path)) from problem


def from_yaml(text: str) -> Any:
    """The data in a text.

    Raises:
        yaml.YAMLError: it is not YAML, or not plain data.
    """
    loader = _Loader(text)
    try:
        data = loader.get_single_data()
        _require_end(data)
        return data
    except (ValueError, RecursionError) as problem:
        raise yaml.YAMLError(str(problem)) from problem
    finally:
        loader.dispose()


def _require_end(data: Any) -> None:
    """Aliases (`*name`) may repeat each other without end, in a few lines: raises ValueError."""
    waiting, count = [data], 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES:,} values; do its aliases (*name) repeat each other?")
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def to_yaml(data: Any) -> str:
    """The inverse of `from_yaml`."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def save_config(config: Config, path: Path) -> None:
    """Write the resolved config as YAML, whole or not at all."""
    with written_whole(path) as partial:
        partial.write_text(to_yaml(config.model_dump(mode="json")), encoding="utf-8")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = from_yaml(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise InputError(
            f"The config {path} cannot be read.",
            found=problem.strerror or str(problem),
            expected="a YAML file, such as those in configs/",
            fix="check the path given to --config",
        ) from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise InputError(
            f"The config {path} is not YAML.",
            found=str(problem),
            expected="a text like those in configs/",
            fix="correct the line named above",
        ) from problem
    if not isinstance(data, dict):
        raise InputError(
            f"The config {path} holds no sections.",
            found=type(data).__name__,
            expected=f"a mapping with {', '.join(Config.model_fields)}",
        )
    return data


def _refuse_materials(section: Any, path: Path) -> None:
    """Configs of earlier releases had this section, those in their run folders also where it was empty."""
    if section is not None:
        raise InputError(
            f"The config {path} asks for materials, which a run no longer makes.",
            found=f"materials: {section}",
            expected="no such section",
            fix="remove it (or --set materials=null) and name the files where ${materials.dir} stands; "
            "python lab/make_tiny_materials.py --out FOLDER makes those that are missing",
        )


def _set(data: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    *sections, field = name.split(".")
    if not equals or not all([*sections, field]):
        raise InputError(
            "A --set is not of the form a.b=c.", found=override, expected="for example --set run.steps=100"
        )
    for section in sections:
        value = data.setdefault(section, {})
        if value is None:
            value = data[section] = {}
        if not isinstance(value, dict):
            raise InputError(
                f"--set {override}: {section} is not a section.",
                found=repr(value),
                expected="a section and a field of it, for example run.steps",
            )
        data = value
    try:
        data[field] = from_yaml(text)
    except yaml.YAMLError as problem:
        raise InputError(
            f"--set {override}: the value is not YAML.",
            found=str(problem),
            fix="quote it for the shell as a whole, for example --set 'data.manifests=[a.jsonl]'",
        ) from problem
