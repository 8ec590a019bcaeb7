"""A graph in API form, run node by node in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import execution

Graph = dict[str, dict[str, Any]]
RunNode = Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]


class GraphRunner:
    """Checks a graph as the host's queue does, then runs each node after those that it needs.

    Nodes without links are kept from graph to graph, as the host keeps them: models are read once.
    """

    def __init__(self, run_node_with_ui: RunNode):
        self._run_node = run_node_with_ui
        self._kept: dict[str, tuple[Any, ...]] = {}

    def run(self, graph: Graph, end_class: str = "SaveImage") -> list[dict[str, str]]:
        """The files that the graph's one node of `end_class` reports."""
        valid, error, _, node_errors = asyncio.run(execution.validate_prompt("job", graph, None))
        assert valid, (error, node_errors)
        (end,) = (number for number, node in graph.items() if node["class_type"] == end_class)
        outputs: dict[str, tuple[Any, ...]] = {}
        shown = self._run_node(end_class, **self._inputs(graph, end, outputs))[1]
        assert outputs.keys() | {end} == graph.keys()
        return shown["images"]

    def _inputs(self, graph: Graph, number: str, outputs: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
        values = {}
        for name, value in graph[number]["inputs"].items():
            if isinstance(value, list):
                source, slot = value
                if source not in outputs:
                    outputs[source] = self._outputs(graph, source, outputs)
                value = outputs[source][slot]
            values[name] = value
        return values

    def _outputs(self, graph: Graph, number: str, outputs: dict[str, tuple[Any, ...]]) -> tuple[Any, ...]:
        kind, given = graph[number]["class_type"], graph[number]["inputs"]
        inputs = self._inputs(graph, number, outputs)
        if any(isinstance(value, list) for value in given.values()):
            return self._run_node(kind, **inputs)[0]
        key = json.dumps([kind, given])
        if key not in self._kept:
            self._kept[key] = self._run_node(kind, **inputs)[0]
        return self._kept[key]
