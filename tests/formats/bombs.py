"""Small files that would hang, fill the memory or load as something else, written by hand."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

WEIGHT = torch.arange(600.0).reshape(20, 30)
PROTOCOL = b"\x80\x02"


def repacked(path: Path, compression: int = zipfile.ZIP_STORED, **changed: bytes | None) -> None:
    """A whole file of torch.save, written again: other compression, entries changed by their last names."""
    buffer = io.BytesIO()
    torch.save({"a": WEIGHT, "b": WEIGHT[0].clone()}, buffer)
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w", compression) as target:
        for entry in source.namelist():
            name = entry.rpartition("/")[2]
            data = changed.get(f"entry_{name.replace('.', '_')}", source.read(entry))
            if data is not None:
                target.writestr(entry, data)


def with_pickle(path: Path, data: bytes, compression: int = zipfile.ZIP_STORED) -> None:
    """A file of torch.save that holds this pickle and one storage."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("a/data.pkl", data)
        archive.writestr("a/version", "3\n")
        archive.writestr("a/data/0", bytes(8))


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def storage(key: str = "0", elements: int = 2) -> bytes:
    return (
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + whole(elements) + b"tQ"
    )


def whole(number: int) -> bytes:
    raw = pickle.dumps(number, 2)
    return raw[2:-1]


def tensor(sizes: tuple[int, ...], strides: tuple[int, ...], elements: int = 2) -> bytes:
    numbers = b"".join(b"(" + b"".join(map(whole, part)) + b"t" for part in (sizes, strides))
    arguments = storage(elements=elements) + whole(0) + numbers + b"\x89ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def named(**values: bytes) -> bytes:
    """A pickle of one dictionary."""
    return PROTOCOL + b"}(" + b"".join(text(name) + value for name, value in values.items()) + b"u."


def shared_dictionaries(levels: int) -> bytes:
    """{a: d, b: d} in itself, level by level: 2 ** levels paths."""
    inner = named(w=tensor((2,), (1,)))[2:-1]
    for level in range(levels):
        inner = b"}(" + text("a") + inner + b"q" + bytes([level]) + text("b") + b"h" + bytes([level]) + b"u"
    return PROTOCOL + inner + b"."


def nested_tuples(levels: int) -> bytes:
    """A dictionary with a key (t, t), t being such a pair itself: hashing it takes 2 ** levels steps."""
    pair = b")"
    for level in range(levels):
        pair += b"q" + bytes([level]) + b"h" + bytes([level]) + b"\x86"
    return PROTOCOL + b"}" + pair + text("x") + b"s."


def deep(levels: int) -> bytes:
    return PROTOCOL + b"}" + (text("k") + b"}") * levels + b"s" * levels + b"."


def cyclic() -> bytes:
    return PROTOCOL + b"}q\x00" + text("me") + b"h\x00s."


def safetensors(path: Path, header: bytes, length: int | None = None, data: bytes = b"") -> None:
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data)


def own_header(path: Path, spec: str) -> None:
    save_file(
        {"a": WEIGHT}, path, {"format": "stylecrafter", "version": "1", "kind": "adapter", "spec": spec}
    )


def video_adapter(path: Path, **extra: torch.Tensor) -> None:
    """What is taken for the published video adapter, and little else."""
    site = "kv_attn_layers.middle_block_1_transformer_blocks_0_attn2_processor.to_k_style.weight"
    tensors = {
        "image_context_model.style_emb": torch.zeros(1, 2, 8),
        "scale_predictor.scale_emb": torch.zeros(1, 1, 8),
        "image_context_model.proj": torch.zeros(8, 8),
        "scale_predictor.out.0.weight": torch.zeros(4, 8),
        site: torch.zeros(8, 8),
    }
    torch.save(OrderedDict(tensors | {name.replace("/", "."): value for name, value in extra.items()}), path)


def sparse_file(path: Path, head: bytes) -> None:
    """20 GB by its size, next to nothing on the disk."""
    with path.open("wb") as stream:
        stream.write(head)
        stream.truncate(20 * 2**30)


BOMBS: dict[str, Callable[[Path], object]] = {
    "storages compressed": lambda path: repacked(path, zipfile.ZIP_DEFLATED),
    "a storage cut": lambda path: repacked(path, entry_0=bytes(1200)),
    "a storage missing": lambda path: repacked(path, entry_1=None),
    "a storage too long": lambda path: repacked(path, entry_1=bytes(4000)),
    "a pickle that inflates": lambda path: with_pickle(
        path, PROTOCOL + b"(" + b"N" * 30_000_000 + b"l.", zipfile.ZIP_DEFLATED
    ),
    "millions of instructions": lambda path: with_pickle(path, PROTOCOL + b"(" + b"N" * 3_000_000 + b"l."),
    "shared dictionaries": lambda path: with_pickle(path, shared_dictionaries(20)),
    "tuples in tuples": lambda path: with_pickle(path, nested_tuples(40)),
    "deep dictionaries": lambda path: with_pickle(path, deep(1100)),
    "a dictionary in itself": lambda path: with_pickle(path, cyclic()),
    "a tensor of one number": lambda path: with_pickle(path, named(a=tensor((5 * 10**9,), (0,)))),
    "a tensor beyond its storage": lambda path: with_pickle(path, named(a=tensor((50,), (1,)))),
    "a promised storage": lambda path: with_pickle(path, named(a=tensor((2,), (1,), elements=5 * 10**9))),
    "many views of one storage": lambda path: with_pickle(
        path, named(**{f"t{i}": tensor((2,), (1,)) for i in range(3000)})
    ),
    "a bytearray": lambda path: with_pickle(
        path, named(a=tensor((2,), (1,)), b=b"c__builtin__\nbytearray\n(" + whole(2**31) + b"tR")
    ),
    "a storage made by a call": lambda path: with_pickle(
        path, named(a=tensor((2,), (1,)), b=b"ctorch\nFloatStorage\n(" + whole(2**31) + b"tR")
    ),
    "a sparse tensor": lambda path: torch.save({"a": WEIGHT.to_sparse()}, path),
    "a quantised tensor": lambda path: torch.save(
        {"a": torch.quantize_per_tensor(WEIGHT, 0.1, 0, torch.qint8)}, path
    ),
    "a tensor without values": lambda path: torch.save({"a": WEIGHT.to("meta")}, path),
    "names without end": lambda path: torch.save({"x" * 100_000: WEIGHT}, path),
    "numbers without end": lambda path: with_pickle(path, PROTOCOL + b"L" + b"9" * 5000 + b"L\n."),
    "the older form, promising much": lambda path: path.write_bytes(
        older_bytes(a=WEIGHT).replace(struct.pack("<H", 600), struct.pack("<H", 60_000))
    ),
    "a pipe": lambda path: os.mkfifo(path),
    "a header of gigabytes": lambda path: sparse_file(path, struct.pack("<Q", 15 * 2**30) + b'{"a":'),
    "a header of a hundred megabytes": lambda path: sparse_file(path, struct.pack("<Q", 10**8) + b'{"a":'),
    "a sparse zip": lambda path: sparse_file(path, b"PK\x03\x04"),
    "a sparse pickle": lambda path: sparse_file(path, PROTOCOL),
    "JSON without bottom": lambda path: safetensors(path, b'{"a":' * 100_000),
    "lists without bottom": lambda path: safetensors(path, b'{"a":' + b"[" * 100_000),
    "a number of 5,000 digits": lambda path: safetensors(
        path, b'{"a":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,4]}}', data=bytes(4)
    ),
    "a header of empty tensors": lambda path: safetensors(
        path,
        json.dumps(
            {f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(60_000)}
        ).encode(),
    ),
    "a spec without bottom": lambda path: own_header(path, "[" * 100_000),
    "a spec of no object": lambda path: own_header(path, "7"),
    "block a million, published names": lambda path: video_adapter(
        path,
        **{"image_context_model/transformer_blocks/resblocks/1000000/ln_1/weight": torch.zeros(8)},
    ),
    "a width of nothing": lambda path: video_adapter(
        path, **{"image_context_model/style_emb": torch.zeros(1, 0, 8)}
    ),
}


def older_bytes(**tensors: torch.Tensor) -> bytes:
    buffer = io.BytesIO()
    torch.save(tensors, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()
