"""YAML in and out. Unlike YAML 1.1, and as everyone expects, 1e-4 is a number."""

from __future__ import annotations

import re
from typing import Any

import yaml

_FLOAT = "tag:yaml.org,2002:float"
_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


class _Loader(yaml.SafeLoader):
    """Plain data only."""


class _Dumper(yaml.SafeDumper):
    """Plain data only; quotes the texts that `_Loader` would take for numbers."""


for _class in (_Loader, _Dumper):
    _class.add_implicit_resolver(_FLOAT, _EXPONENT, list("-+.0123456789"))


def from_yaml(text: str) -> Any:
    """The data in a text.

    Raises:
        yaml.YAMLError: it is not YAML, or not plain data.
    """
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def to_yaml(data: Any) -> str:
    """The inverse of `from_yaml`."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
