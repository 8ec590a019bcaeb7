"""What a pickle would do, found by following its instructions on a stack of its own: nothing in it is run.

Only what matters to weights is kept on that stack: texts, numbers, tuples and the names of what is imported.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

# A full-size base has 45,000 instructions in 250 kB.
MOST_INSTRUCTIONS = 300_000
MOST_BYTES = 16 * 2**20
# Tuples in tuples: a hash of one visits every part, however few bytes spell it.
MOST_PARTS = 10_000


class TooMuchError(Exception):
    """More than any weight file asks for; the message says of what."""


class Import(NamedTuple):
    """A class or function by its full name ("torch._utils._rebuild_tensor_v2")."""

    name: str


class Parts(NamedTuple):
    """A tuple, and how many things are in it at all levels."""

    items: tuple[Any, ...]
    size: int


@dataclass(frozen=True)
class Scan:
    """What was found.

    Attributes:
        imports: full names, in the order in which they would be imported.
        calls: those of them that would be called, or functions handed to one that calls them.
        storages: key → (class name, number of elements) of every storage that is asked for.
    """

    imports: dict[str, None] = field(default_factory=dict)
    calls: dict[str, None] = field(default_factory=dict)
    storages: dict[str, tuple[str, int]] = field(default_factory=dict)


def scan_pickles(stream: IO[bytes], pickles: int, scan: Scan) -> None:
    """Follows so many pickles that stand in a row, and notes in `scan` what it finds on the way.

    Raises:
        TooMuchError: a pickle is longer than any of weights, or packs tuples into each other without end.
        ValueError, LookupError, TypeError: a pickle is damaged or ends early.
    """
    for _ in range(pickles):
        _follow(stream, scan)


def texts_of_pickle(stream: IO[bytes]) -> list[str]:
    """The texts that the next pickle spells out, in their order.

    Raises:
        TooMuchError: it is longer than any of weights.
        ValueError: it is damaged or ends early.
    """
    return [argument for _, argument in _instructions(stream) if isinstance(argument, str)]


def _follow(stream: IO[bytes], scan: Scan) -> None:
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[Any, Any] = {}
    for opcode, argument in _instructions(stream):
        name = opcode.name
        if name == "MARK":
            marks.append(len(stack))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        else:
            taken = _take(opcode, stack, marks)
            stack.extend(_results(opcode, argument, taken, scan))


def _instructions(stream: IO[bytes]) -> Iterator[tuple[pickletools.OpcodeInfo, Any]]:
    """Those of the next pickle, each with its argument."""
    for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if number > MOST_INSTRUCTIONS:
            raise TooMuchError(f"a pickle of more than {MOST_INSTRUCTIONS:,} instructions")
        yield opcode, argument


def _take(opcode: pickletools.OpcodeInfo, stack: list[Any], marks: list[int]) -> list[Any]:
    """What an instruction takes off the stack."""
    to_the_mark, below, _ = EFFECTS[opcode.name]
    above: list[Any] = []
    if to_the_mark:
        mark = marks.pop()
        above = stack[mark:]
        del stack[mark:]
    if not below:
        return above
    if below > len(stack):
        raise ValueError(f"{opcode.name} needs {below} things on a stack of {len(stack)}")
    under = stack[-below:]
    del stack[-below:]
    return under + above


def _effect(opcode: pickletools.OpcodeInfo) -> tuple[bool, int, int]:
    """Whether an instruction takes all above the mark, how many things below, and how many it puts back."""
    taken = [kind for kind in opcode.stack_before if kind is not pickletools.markobject]
    to_the_mark = pickletools.stackslice in taken
    below = 0 if opcode.name == "OBJ" else len(taken) - to_the_mark  # the class of OBJ lies above the mark
    return to_the_mark, below, len(opcode.stack_after)


EFFECTS = {opcode.name: _effect(opcode) for opcode in pickletools.opcodes}


def _results(opcode: pickletools.OpcodeInfo, argument: Any, taken: list[Any], scan: Scan) -> list[Any]:
    """What an instruction puts on the stack; None for what does not matter."""
    name = opcode.name
    if name in ("GLOBAL", "INST", "STACK_GLOBAL"):
        return [_imported(name, argument, taken, scan)]
    if name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_TUPLE"):
        return [_packed(taken)]
    if name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ"):
        _note_call(taken, scan)
    elif name == "BINPERSID":
        _note_storage(taken[0], scan)
    elif name == "DUP":
        return taken * 2
    elif not taken and isinstance(argument, str | int):
        return [argument]
    return [None] * EFFECTS[name][2]


def _imported(name: str, argument: Any, taken: list[Any], scan: Scan) -> Import:
    full = ".".join(map(str, taken)) if name == "STACK_GLOBAL" else str(argument).replace(" ", ".")
    scan.imports[full] = None
    if name == "INST":
        scan.calls[full] = None
    return Import(full)


def _packed(items: list[Any]) -> Parts:
    size = 1 + sum(item.size if isinstance(item, Parts) else 1 for item in items)
    if size > MOST_PARTS:
        raise TooMuchError(f"tuples with more than {MOST_PARTS:,} parts")
    return Parts(tuple(items), size)


def _note_call(taken: list[Any], scan: Scan) -> None:
    called = taken[0] if taken else None
    scan.calls[called.name if isinstance(called, Import) else "something that is made on the way"] = None
    # This one calls what it is handed first.
    if isinstance(called, Import) and called.name == "torch._tensor._rebuild_from_type_v2":
        _note_call(list(taken[1].items[:1]) if isinstance(taken[1], Parts) else [], scan)


def _note_storage(wanted: Any, scan: Scan) -> None:
    """A storage as torch.save refers to it: ("storage", class, key, device, elements, ...)."""
    if isinstance(wanted, Parts) and len(wanted.items) >= 5 and wanted.items[0] == "storage":
        _, kind, key, _, elements = wanted.items[:5]
        if isinstance(kind, Import) and isinstance(key, str) and isinstance(elements, int):
            scan.storages[key] = (kind.name, elements)
            return
    raise ValueError("a reference to something that is not a storage")
