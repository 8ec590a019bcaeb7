"""Every way to damage a weight file that has a name: its bytes, its structure, its content."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

Mutation = Callable[[bytes, random.Random], bytes]

# bytes


def _place(data: bytes, chance: random.Random) -> int:
    """Half of them near the beginning or the end, where headers and tables of contents are."""
    near = min(len(data), 4096)
    return chance.choice(
        [chance.randrange(near), len(data) - 1 - chance.randrange(near), *[chance.randrange(len(data))] * 2]
    )


def flip(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8, 64])):
        out[_place(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(out)


def overwrite(data: bytes, chance: random.Random) -> bytes:
    start = _place(data, chance)
    filler = chance.choice([b"\0", b"\xff", b"9", b"(", b"}", chance.randbytes(1)])
    length = min(chance.choice([1, 2, 4, 8, 100, 5000]), len(data) - start)
    return data[:start] + filler * length + data[start + length :]


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: _place(data, chance)]


def take_out(data: bytes, chance: random.Random) -> bytes:
    start = _place(data, chance)
    return data[:start] + data[start + chance.choice([1, 7, 64, 4096]) :]


def put_in(data: bytes, chance: random.Random) -> bytes:
    start = _place(data, chance)
    return data[:start] + chance.randbytes(chance.choice([1, 8, 64, 4096])) + data[start:]


def repeat(data: bytes, chance: random.Random) -> bytes:
    start, length = _place(data, chance), chance.choice([16, 512, 20_000])
    return data[: start + length] + data[start:]


def noise(data: bytes, chance: random.Random) -> bytes:
    head = chance.choice([b"PK\x03\x04", b"\x80\x02", (200).to_bytes(8, "little") + b"{", data[:30]])
    return head + chance.randbytes(chance.randrange(1, 3000))


# structure


def _zipped(
    change: Callable[[dict[str, bytes], random.Random], None], compression: int | None = None
) -> Mutation:
    def mutate(data: bytes, chance: random.Random) -> bytes:
        with zipfile.ZipFile(io.BytesIO(data)) as source:
            entries = {name: source.read(name) for name in source.namelist()}
        change(entries, chance)
        buffer = io.BytesIO()
        with zipfile.ZipFile(
            buffer, "w", zipfile.ZIP_STORED if compression is None else compression
        ) as target:
            for name, content in entries.items():
                target.writestr(name, content)
        return buffer.getvalue()

    return mutate


def _any_entry(entries: dict[str, bytes], chance: random.Random) -> str:
    pickled = next((name for name in entries if name.endswith("data.pkl")), "")
    return chance.choice([pickled, *list(entries)]) or chance.choice(list(entries))


def _drop_entry(entries: dict[str, bytes], chance: random.Random) -> None:
    entries.pop(_any_entry(entries, chance))


def _resize_entry(entries: dict[str, bytes], chance: random.Random) -> None:
    name = _any_entry(entries, chance)
    content = entries[name]
    entries[name] = chance.choice([content[: len(content) // 2], content + bytes(64), b"", content[4:]])


def _rename_entry(entries: dict[str, bytes], chance: random.Random) -> None:
    entries[chance.choice(["x", "data.pkl", "a/b/data/0", "../x"])] = entries.pop(_any_entry(entries, chance))


def _change_pickle(entries: dict[str, bytes], chance: random.Random) -> None:
    """With a right check sum, as somebody who means it would write it."""
    name = next(name for name in entries if name.endswith("data.pkl"))
    change = chance.choice([flip, overwrite, cut, take_out, put_in, repeat, _instructions])
    entries[name] = change(entries[name], chance)


def _instructions(data: bytes, chance: random.Random) -> bytes:
    """Instructions of pickles in any order, among those that are there."""
    words = [
        b"(",
        b"t",
        b"}",
        b"]",
        b"u",
        b"s",
        b"e",
        b"N",
        b"\x85",
        b"\x86",
        b"\x87",
        b"R",
        b"b",
        b"Q",
        b"2",
    ]
    words += [b"h\x00", b"h\x01", b"j\xff\xff\xff\xff", b"r\xff\xff\xff\xff", b"K\x05", b"J\xff\xff\xff\x7f"]
    words += [
        b"cos\nsystem\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ctorch\nFloatStorage\n",
        b"X\xff\xff\xff\x7f",
    ]
    start = chance.randrange(2, len(data))
    return data[:start] + b"".join(chance.choices(words, k=chance.choice([1, 5, 200]))) + data[start:]


NASTY = [
    None,
    -1,
    0,
    1,
    2**31,
    2**63,
    10**300,
    1.5,
    "",
    "x",
    "F32",
    "I64",
    "F8_E4M3",
    [],
    {},
    [[]],
    True,
    "9" * 5000,
]


def change_header(data: bytes, chance: random.Random) -> bytes:
    """One value of a safetensors header, at any depth, the spec in it included."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    notes = header.get("__metadata__", {})
    if "spec" in notes and chance.random() < 0.5:
        spec = json.loads(notes["spec"])
        _change_one(spec, chance)
        notes["spec"] = json.dumps(spec)
    else:
        _change_one(header, chance)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def _change_one(tree: Any, chance: random.Random) -> None:
    while True:
        keys = list(tree) if isinstance(tree, dict) else range(len(tree))
        if not keys:
            return
        key = chance.choice(list(keys))
        if isinstance(tree[key], dict | list) and tree[key] and chance.random() < 0.8:
            tree = tree[key]
        elif chance.random() < 0.2:
            del tree[key]
            return
        else:
            tree[key] = chance.choice(NASTY)
            return


# content


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


MUTATIONS: dict[str, Mutation] = {
    "bits flipped": flip,
    "bytes overwritten": overwrite,
    "cut off": cut,
    "bytes taken out": take_out,
    "bytes put in": put_in,
    "bytes repeated": repeat,
    "noise behind a head": noise,
    "zip: packed again": _zipped(lambda entries, chance: None, zipfile.ZIP_DEFLATED),
    "zip: an entry dropped": _zipped(_drop_entry),
    "zip: an entry resized": _zipped(_resize_entry),
    "zip: an entry renamed": _zipped(_rename_entry),
    "zip: the pickle changed": _zipped(_change_pickle),
    "safetensors: the header changed": change_header,
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


def applies(name: str, data: bytes) -> bool:
    """Whether a file of this form can be damaged so."""
    if name.startswith("zip"):
        return data.startswith(b"PK")
    return data[8:9] == b"{" or not name.startswith("safetensors")


def torch_bytes(content: Any, older: bool = False) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not older)
    return buffer.getvalue()
