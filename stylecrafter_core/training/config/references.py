"""`${a.b}` in a config stands for its field a.b."""

from __future__ import annotations

import re
from typing import Any

from ...errors import InputError

_REFERENCE = re.compile(r"\$\{([^}]*)(\}?)")


def resolved(value: Any, root: dict[str, Any], file: str, within: tuple[str, ...] = ()) -> Any:
    """The value with every reference in it replaced by what it leads to.

    A text that is one reference becomes the value itself, a number stays one; in a longer text it is spelled
    out. What a reference leads to may hold references.

    Args:
        value: a part of the config.
        root: the config as a whole.
        file: what to call it in messages.
        within: the references that led here.

    Raises:
        InputError: a reference is not closed, leads nowhere, to a section or list, or back to itself.
    """
    if isinstance(value, dict):
        return {name: resolved(inner, root, file, within) for name, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner, root, file, within) for inner in value]
    if not isinstance(value, str):
        return value
    alone = _REFERENCE.fullmatch(value)
    if alone:
        return _target(alone, root, file, within)
    return _REFERENCE.sub(lambda match: str(_target(match, root, file, within)), value)


def _target(match: re.Match[str], root: dict[str, Any], file: str, within: tuple[str, ...]) -> Any:
    name, closed = match.groups()
    if not closed:
        raise InputError(
            f"{file}: a reference is not closed.", found=match.string, expected="${section.field}"
        )
    if name in within:
        raise InputError(
            f"{file}: ${{{name}}} leads back to itself.",
            found=" to ".join(f"${{{step}}}" for step in (*within, name)),
            expected="the name of a field that does not refer to this one",
        )
    found: Any = root
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if found is None or isinstance(found, dict | list):
        raise InputError(
            f"{file}: ${{{name}}} leads nowhere.",
            found="no plain value of that name in the config",
            expected="the name of a field, as in ${run.dir}",
        )
    return resolved(found, root, file, (*within, name))
