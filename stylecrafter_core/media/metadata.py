"""Values to the text that files carry and the host's web page opens again."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


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
