"""WebDataset tars: read in place, without unpacking."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ...errors import InputError
from .found import IMAGE, Found, kind_of
from .lists import caption_in
from .reasons import TRUNCATED, UNDECODABLE, Problem
from .text import caption_from, too_long


def scan_tar(path: Path) -> Iterator[Found]:
    """The pictures and videos of a tar, in its own order, with captions from .txt or .json of the same stem.

    The stem is the name up to the first dot of its last part. What follows a damaged place is one problem.

    Raises:
        InputError: not a tar, or a compressed one, in which no member has a place of its own.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            members, problem = _members(tar)
            captions = _Captions(tar, members)
            for member in members:
                if kind := kind_of(member.name):
                    caption = _not_in_place(member) or captions.of(member.name)
                    text, wrong = (None, caption) if isinstance(caption, Problem) else (caption, None)
                    yield Found(path, member.offset_data, member.size, kind, text, member.name, wrong)
    except tarfile.ReadError as error:
        raise InputError(
            f"{path} cannot be read as a tar.",
            found=str(error),
            expected="an uncompressed tar",
            fix="Unpack compression first (gunzip), or download the file again.",
        ) from error
    if problem:
        yield Found(path, None, 0, IMAGE, None, problem=problem)


def _members(tar: tarfile.TarFile) -> tuple[list[tarfile.TarInfo], Problem | None]:
    members: list[tarfile.TarInfo] = []
    try:
        for member in tar:
            members.append(member)
    except tarfile.ReadError as error:
        if not members:
            raise
        return _named(members), Problem(TRUNCATED, f"the tar is damaged after {members[-1].name}: {error}")
    return _named(members), None


def _named(members: list[tarfile.TarInfo]) -> list[tarfile.TarInfo]:
    return [member for member in members if not member.isdir()]


def _not_in_place(member: tarfile.TarInfo) -> Problem | None:
    if member.isfile() and not member.issparse():
        return None
    what = "stored with holes" if member.issparse() else "a link or a device"
    fix = "pack the tar with --hard-dereference, without --sparse"
    return Problem(UNDECODABLE, f"{member.name} is {what}: {fix}")


class _Captions:
    """The captions of a tar by stem, read when they are asked for."""

    def __init__(self, tar: tarfile.TarFile, members: list[tarfile.TarInfo]):
        self._tar = tar
        self._members = {member.name: member for member in members}

    def of(self, name: str) -> str | Problem | None:
        if (text := self._read(f"{_stem(name)}.txt")) is not None:
            return text
        if not isinstance(text := self._read(f"{_stem(name)}.json"), str):
            return text
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return caption_in(row) if isinstance(row, dict) else None

    def _read(self, name: str) -> str | Problem | None:
        member = self._members.get(name)
        if member is None:
            return None
        if problem := _not_in_place(member) or too_long(name, member.size):
            return problem
        file = self._tar.extractfile(member)
        assert file is not None  # it is neither a folder nor a link
        return caption_from(file.read())


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    return (path.parent / path.name.split(".")[0]).as_posix()
