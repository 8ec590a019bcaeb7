"""What all nodes of this pack share: the description's form, the category, the sockets of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from comfy_api.latest import io

from ..stylecrafter_core.comfy_host.adapter import HostAdapter
from ..stylecrafter_core.comfy_host.releases import node_schema
from ..stylecrafter_core.errors import InputError

CATEGORY = "StyleCrafter"
ADAPTER = io.Custom("STYLECRAFTER_ADAPTER")
STYLE = io.Custom("STYLECRAFTER_STYLE")


def schema(**keywords: Any) -> io.Schema:
    """The description of a node of this pack."""
    return node_schema(category=CATEGORY, **keywords)


def connected(adapter: HostAdapter | None) -> HostAdapter:
    """The adapter itself.

    Raises:
        InputError: none came through the socket; names the nodes that give one.
    """
    if adapter is not None:
        return adapter
    raise InputError(
        "The input `adapter` is connected, but no adapter comes through it.",
        found="adapter_name none in Load Video Model",
        expected="a style adapter",
        fix="choose a file under adapter_name there, or connect Load Style Adapter",
    )


def accepted(check: Callable[[Any], object], value: Any) -> str | bool:
    """The host's answer to "is this value valid": True, or the words of the error that the check raises.

    None is what the host hands over for an input that is linked: `execute` sees its value.
    """
    if value is None:
        return True
    try:
        check(value)
    except InputError as error:
        return str(error)
    return True
