"""`train.py export`: weights between our own safetensors and the published files, bit for bit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ...errors import InputError, WeightFileError
from ...files import written_whole
from .. import AdapterFile, TemporalFile, detect, read_tensors, save_adapter, save_temporal
from ..detect import OWN_ADAPTER, OWN_TEMPORAL, TEMPORAL_PUBLISHED, VIDEO_BASE, Kind, published_kind
from ..own import RESERVED
from ..readers import adapter_of, temporal_of
from .published import published_adapter, published_format, published_temporal

OWN_ENDINGS, PUBLISHED_ENDINGS = (".safetensors",), (".pth", ".ckpt", ".pt", ".bin")
# Endings that would promise the other container to every program that goes by names.
MISLEADING = {"own": PUBLISHED_ENDINGS, "published": OWN_ENDINGS}


def export(file: Path, out: Path, to: Literal["own", "published"]) -> str:
    """Writes a style adapter or temporal file in our own or in the published format; tensors keep every bit.

    Args:
        file: of any format, published or own; recognised by its content.
        out: the file to write; it must not exist, its folder must.
        to: "own": safetensors in our names, sizes in the header, further header text kept.
            "published": names, nesting and container of the released files; header text has no place there.

    Returns:
        One line for people: what was written where.

    Raises:
        InputError: `out` exists, has no folder or a misleading ending; or `file` is a video base.
        WeightFileError: `file` cannot be read, is another kind of file or not complete; or `out` cannot be
            written.
        MismatchError: the published formats cannot hold this adapter without loss.
    """
    _check_target(out, to)
    content = read_tensors(file)
    kind = detect(content.tensors, content.metadata, file)
    if kind == VIDEO_BASE:
        raise _base_refused(file)
    part = adapter_of(content, str(file)) if kind.part == "style adapter" else temporal_of(content, str(file))
    header = {name: text for name, text in content.metadata.items() if name not in RESERVED}
    if to == "own":
        written = _write_own(part, out, header)
        left_out = ""
    else:
        written = _write_published(part, out, file)
        left_out = f"; left out of the header: {', '.join(sorted(header))}" if header else ""
    return f"{out}: {written.words}, {_amount(part)}{left_out}"


def _check_target(out: Path, to: Literal["own", "published"]) -> None:
    if out.exists() or out.is_symlink():
        raise InputError(
            f"{out} exists already.",
            found="a folder" if out.is_dir() else "a file of that name",
            expected="a name that is free; nothing is overwritten",
            fix="choose another name for --out, or move what is there",
        )
    if not out.parent.is_dir():
        raise InputError(
            f"{out} cannot be written.",
            found=f"no folder {out.parent}",
            expected="a folder that exists",
            fix="create the folder, or choose another one for --out",
        )
    if out.suffix.lower() in MISLEADING[to]:
        endings = OWN_ENDINGS if to == "own" else PUBLISHED_ENDINGS
        raise InputError(
            f"{out} would have a misleading name.",
            found=f"the ending {out.suffix} with --to {to}",
            expected=f"an ending such as {' or '.join(endings[:2])}",
            fix=f"call it {out.with_suffix(endings[0]).name}, or choose the other format with --to",
        )


def _base_refused(file: Path) -> InputError:
    return InputError(
        f"{file} is not exported.",
        found=f"a {VIDEO_BASE.words}",
        expected="a style adapter or a temporal file",
        fix="use the base as it is: nodes and trainer read it; "
        "`train.py temporal` writes the temporal blocks into a file of their own",
    )


def _write_own(part: AdapterFile | TemporalFile, out: Path, header: dict[str, str]) -> Kind:
    if isinstance(part, AdapterFile):
        save_adapter(out, part.spec, part.tensors, header)
        return OWN_ADAPTER
    save_temporal(out, part.blocks, part.tensors, header)
    return OWN_TEMPORAL


def _write_published(part: AdapterFile | TemporalFile, out: Path, file: Path) -> Kind:
    if isinstance(part, AdapterFile):
        _save_torch(published_adapter(part, str(file)), out)
        return published_kind(published_format(part.spec, str(file)))
    _save_torch(published_temporal(part, str(file)), out)
    return TEMPORAL_PUBLISHED


def _save_torch(content: dict[str, Any], out: Path) -> None:
    try:
        with written_whole(out) as partial, partial.open("xb") as stream:
            torch.save(_on_its_own(content), stream)
            stream.flush()
            os.fsync(stream.fileno())
    # On a full disk torch's zip writer ends with a RuntimeError of its own; the disk's stands behind it.
    except (OSError, RuntimeError) as problem:
        reason = problem.__context__ if isinstance(problem.__context__, OSError) else problem
        raise WeightFileError(
            f"{out} could not be written.",
            found=str(reason).splitlines()[0],
            expected="a folder that may be written to, with room for the file",
            fix="free some room or choose another folder",
        ) from problem


def _on_its_own(content: Any) -> Any:
    """The same dicts with tensors copied out of the file they were mapped from.

    torch.save writes the whole storage behind a tensor, which would be that file.
    """
    if isinstance(content, Tensor):
        return content.clone(memory_format=torch.contiguous_format)
    return {name: _on_its_own(value) for name, value in content.items()}


def _amount(part: AdapterFile | TemporalFile) -> str:
    parameters = sum(tensor.numel() for tensor in part.tensors.values())
    return f"{len(part.tensors)} tensors, {parameters / 1e6:.2f} M parameters"
