"""What a host's refusal of a prompt says: its JSON, taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_OPTIONS = 5


@dataclass(frozen=True)
class RefusedInput:
    """One thing that the host holds against a node.

    Attributes:
        node: its id in the prompt.
        class_type: of that node.
        name: of the input; empty where the host names none.
        found: the value, or the host's words where it gives none.
        allowed: what the input takes.
    """

    node: str
    class_type: str
    name: str
    found: str
    allowed: str


def refused_inputs(answer: Mapping[str, Any]) -> list[RefusedInput]:
    """Everything that the host's answer holds against single nodes."""
    return [
        RefusedInput(
            node,
            faults["class_type"],
            error["extra_info"].get("input_name", ""),
            _found(error),
            _allowed(error),
        )
        for node, faults in answer["node_errors"].items()
        for error in faults["errors"]
    ]


def words_of(error: Mapping[str, Any]) -> str:
    """The host's own words for an error, in one line."""
    return " ".join(f"{error['message'].rstrip('.')}: {error['details']}".rstrip(": ").split())


def _found(error: Mapping[str, Any]) -> str:
    about = error["extra_info"]
    return f"{about['received_value']!r:.100}" if "received_value" in about else words_of(error)


def _allowed(error: Mapping[str, Any]) -> str:
    config = error["extra_info"].get("input_config")
    if config is not None:
        kind, settings = config
        limits = [f"{name} {settings[name]}" for name in ("min", "max") if name in settings]
        options = settings.get("options", kind)
        return _shortened(options) if isinstance(options, list) else ", ".join([kind, *limits])
    if error["type"] == "value_not_in_list":  # the host keeps long lists to itself
        return f"an entry of its {error['details'].rpartition(' not in ')[2].strip('()')}"
    return "a value or a link that this node takes"


def _shortened(options: Sequence[Any]) -> str:
    if not options:
        return "nothing yet: its list is empty"
    rest = f", ... ({len(options)} in all)" if len(options) > MOST_OPTIONS else ""
    return "one of " + ", ".join(map(str, options[:MOST_OPTIONS])) + rest
