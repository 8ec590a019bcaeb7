"""What a file is, judged by its first bytes. Its name is never looked at."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path

from ..errors import WeightFileError

HEAD_BYTES = 4096
# Full-size bases have 300 kB; training notes in a header take up to a few megabytes.
LONGEST_HEADER = 8 * 2**20
EXPECTED = "tensors in safetensors form, or in a pickle written by torch.save"
DOWNLOAD_AGAIN = "download the file again and compare its size with the one shown where it is published"


class Container(Enum):
    """The containers that weights come in."""

    SAFETENSORS = "safetensors"
    TORCH_ZIP = "torch zip archive"
    PICKLE = "pickle"


def container_of(head: bytes) -> Container | None:
    """The container that a file beginning with `head` is, or None when it is no weight file."""
    if head.startswith(b"PK\x03\x04"):
        return Container.TORCH_ZIP
    if len(head) > 1 and head[0] == 0x80 and head[1] <= 5:
        return Container.PICKLE
    # The first eight bytes are the header's length; no text is that small a number.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= 100_000_000:
        return Container.SAFETENSORS
    return None


def describe(head: bytes) -> tuple[str, str]:
    """What a file that is no weight file looks like, and what to do about it, both in words."""
    text = head.lstrip().lower()
    if not head.strip(b"\0"):
        return "nothing but zero bytes at its beginning (an interrupted download)", DOWNLOAD_AGAIN
    if text.startswith((b"<!doctype html", b"<html", b"<head")) or b"<html" in text[:1024]:
        return (
            "a web page (HTML)",
            "download the file itself: use the download button or a direct link, not the page's address",
        )
    if text.startswith(b"version https://git-lfs"):
        return (
            "a Git-LFS pointer, a few lines of text that stand for the real file",
            "run `git lfs pull` in that repository, or download the file itself",
        )
    if text.startswith((b"{", b"[", b"<")):
        return "text (JSON or XML), perhaps a download site's answer", DOWNLOAD_AGAIN
    return f"a file that begins with the bytes {head[:8]!r}", "choose a weight file"


def safetensors_size(head: bytes, header: bytes) -> int | None:
    """The size in bytes that a safetensors file's header promises; None when the header itself is cut off."""
    length = int.from_bytes(head[:8], "little")
    if len(header) < length:
        return None
    try:
        entries = json.loads(header)
        ends = [entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__"]
        return 8 + length + max(ends, default=0)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def read_error(path: Path, problem: str, *, found: str, fix: str) -> WeightFileError:
    """What to say of a file that cannot be read."""
    return WeightFileError(f"{path} {problem}.", found=found, expected=EXPECTED, fix=fix)


def size_of(path: Path) -> str:
    """A file's size in words."""
    return f"{path.stat().st_size:,} bytes"
