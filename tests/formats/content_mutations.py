"""Ways to damage what a weight file holds, in a file that is whole as a file."""

from __future__ import annotations

import io
import json
import random
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

Mutation = Callable[[bytes, random.Random], bytes]


def _content(change: Callable[[dict[str, Any], str, random.Random], None]) -> Mutation:
    """Something else about the tensors, in a file that is whole as a file."""

    def mutate(data: bytes, chance: random.Random) -> bytes:
        if data[8:9] == b"{":
            length = int.from_bytes(data[:8], "little")
            notes = json.loads(data[8 : 8 + length]).get("__metadata__")
            tensors: dict[str, Any] = load(data)
            change(tensors, chance.choice(sorted(tensors)), chance)
            plain = {n: t for n, t in tensors.items() if isinstance(t, Tensor) and t.layout == torch.strided}
            plain = {n: t for n, t in plain.items() if t.device.type == "cpu" and t.numel() < 10**6}
            return save({n: t.clone().contiguous() for n, t in plain.items() if not t.is_quantized}, notes)
        content = torch.load(io.BytesIO(data), weights_only=True)
        inner = content.get("state_dict", content)
        nested = [value for value in inner.values() if isinstance(value, dict)]
        tensors = chance.choice(nested) if nested else inner
        change(tensors, chance.choice(sorted(tensors)), chance)
        return torch_bytes(content, older=not data.startswith(b"PK"))

    return mutate


def _drop(tensors: dict[str, Any], name: str, chance: random.Random) -> None:
    del tensors[name]


def _reshape(tensors: dict[str, Any], name: str, chance: random.Random) -> None:
    t = tensors[name]
    tensors[name] = chance.choice(
        [
            t.flatten(),
            t[None],
            t[:0],
            t.flatten()[:1],
            t.new_zeros(()),
            t.repeat(2, *[1] * (t.ndim - 1)) if t.ndim else t[None],
        ]
    )


def _renumber(tensors: dict[str, Any], name: str, chance: random.Random) -> None:
    parts = name.split(".")
    numbers = [i for i, part in enumerate(parts) if part.isdecimal()]
    if numbers:
        parts[chance.choice(numbers)] = chance.choice(["7", "99", "1000000", "9" * 30, "-1", "01", "9" * 900])
    else:
        parts.append(chance.choice(["x", "9", "weight"]))
    renamed = ".".join(parts)
    tensors[renamed if renamed not in tensors else f"{name}.x"] = tensors.pop(name)


def _add(tensors: dict[str, Any], name: str, chance: random.Random) -> None:
    t = tensors[name]
    _renumber(tensors, name, chance)
    tensors[name] = t


def _spoil(tensors: dict[str, Any], name: str, chance: random.Random) -> None:
    t = tensors[name].float()
    spoilt = t.clone().flatten()
    spoilt[chance.randrange(len(spoilt))] = chance.choice([float("nan"), float("inf"), float("-inf")])
    odd = [spoilt.view_as(t), t.long(), t > 0, t.to(torch.complex64), t.to(torch.int8)]
    tensors[name] = chance.choice(odd)


def _no_plain_tensor(tensors: dict[str, Any], name: str, chance: random.Random) -> None:
    t = tensors[name].float()
    odd = [
        t.to_sparse(),
        t.to("meta"),
        torch.quantize_per_tensor(t, 0.1, 0, torch.qint8),
        [t],
        None,
        "text",
        3.5,
    ]
    tensors[name] = chance.choice([*odd, t.flatten()[:1].expand(10**9)])


def _reorder(tensors: dict[str, Any], name: str, chance: random.Random) -> None:
    moved = list(tensors.items())
    chance.shuffle(moved)
    tensors.clear()
    tensors.update(moved)


def _lay_out(tensors: dict[str, Any], name: str, chance: random.Random) -> None:
    """The same values: another order in memory, a view into something larger, a parameter."""
    t = tensors[name]
    wide = torch.cat([t.flatten(), t.flatten()])
    tensors[name] = chance.choice(
        [t.mT.contiguous().mT if t.ndim > 1 else t, wide[: t.numel()].view_as(t), torch.nn.Parameter(t)]
    )


def _extras(tensors: dict[str, Any], name: str, chance: random.Random) -> None:
    tensors[chance.choice(["epoch", "note", "lr"])] = chance.choice(
        [3, "text", None, [1, 2], OrderedDict(), 0.5]
    )


CONTENT: dict[str, Mutation] = {
    "content: a tensor dropped": _content(_drop),
    "content: a tensor reshaped": _content(_reshape),
    "content: a tensor renumbered": _content(_renumber),
    "content: a tensor added": _content(_add),
    "content: values spoilt": _content(_spoil),
    "content: no plain tensor": _content(_no_plain_tensor),
    "content: another order": _content(_reorder),
    "content: another layout": _content(_lay_out),
    "content: extras": _content(_extras),
}


def torch_bytes(content: Any, older: bool = False) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not older)
    return buffer.getvalue()
