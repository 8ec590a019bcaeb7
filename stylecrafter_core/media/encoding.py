"""What a writer needs to know besides the frames, metadata as text among it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .sound import Sound

_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class Encoding:
    """How to write one file.

    Args:
        rate: frames per second.
        loop_count: how often an animated picture is played in all; 0 is for ever.
        crf: loss, 0 is best; the range is the format's.
        metadata: text by name.
        sound: sound to mix in, or None.
        progress: called with the number of frames done; may raise to stop.
    """

    rate: Fraction
    loop_count: int
    crf: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    sound: Sound | None = None
    progress: Callable[[int], None] = lambda done: None


def metadata_text(values: Mapping[str, Any]) -> dict[str, str]:
    """Each value as JSON, encoded once, in ASCII.

    NaN and infinity become null, because a browser's JSON reader refuses them (the host marks nodes that run
    every time with NaN). Braces inside strings are written as escapes, because the web page finds the end of
    the JSON in a webm file by counting braces.
    """
    return {key: _escape_braces(json.dumps(_finite(value))) for key, value in values.items()}


def _escape_braces(text: str) -> str:
    return _JSON_STRING.sub(lambda found: found[0].replace("{", "\\u007b").replace("}", "\\u007d"), text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
