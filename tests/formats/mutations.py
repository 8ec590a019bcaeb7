"""Every way to damage a weight file that has a name: its bytes, its structure, its content."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

from content_mutations import CONTENT, Mutation

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
    **CONTENT,
}


def applies(name: str, data: bytes) -> bool:
    """Whether a file of this form can be damaged so."""
    if name.startswith("zip"):
        return data.startswith(b"PK")
    return data[8:9] == b"{" or not name.startswith("safetensors")
