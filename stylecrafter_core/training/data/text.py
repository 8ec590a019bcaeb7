"""Captions and lists as text: UTF-8, or UTF-16 where a byte order mark says so. Nothing is guessed."""

from __future__ import annotations

import codecs

from .reasons import UNREADABLE_TEXT, Problem

_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WIDER = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
MOST_BYTES = 2**20  # of a caption's file
# What UTF-8 does not know stays in the text as surrogates, so that one bad row does not end a list.
LENIENT = "surrogateescape"


def encoding_of(head: bytes) -> str:
    """The encoding that the first bytes of a file state; UTF-8 where they state none."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8-sig")


def too_long(name: str, size: int) -> Problem | None:
    """What is wrong with a caption's file of so many bytes: it is not read, whatever it holds."""
    if size <= MOST_BYTES:
        return None
    return Problem(UNREADABLE_TEXT, f"{name} has {size:,} bytes, which is no caption")


def caption_from(data: bytes) -> str | Problem:
    """The text of a caption's file, or why it is none."""
    if data.startswith(_WIDER):
        return Problem(UNREADABLE_TEXT, "the caption is UTF-32: save it as UTF-8")
    encoding = encoding_of(data)
    try:
        text = data.decode(encoding, LENIENT if encoding == "utf-8-sig" else "strict")
    except UnicodeDecodeError as problem:
        return Problem(UNREADABLE_TEXT, f"the caption is cut off or no {encoding.upper()}: {problem.reason}")
    return problem_in(text) or text


def problem_in(caption: str) -> Problem | None:
    """What in a caption is no text: bytes that are not UTF-8, halves of characters, zeros."""
    for letter in caption:
        if "\udc80" <= letter <= "\udcff":
            found = f"byte 0x{ord(letter) - 0xDC00:02x} in the caption is not UTF-8: save it as UTF-8"
            return Problem(UNREADABLE_TEXT, found)
        if "\ud800" <= letter <= "\udfff" or letter == "\0":
            return Problem(UNREADABLE_TEXT, f"the caption holds {letter!r}, which is no text")
    return None
