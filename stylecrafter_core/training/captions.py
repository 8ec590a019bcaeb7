"""Captions without style words: the reference gives the style, the caption speaks of content only."""

from __future__ import annotations

import re

from .caption_rules import (
    GONE,
    NAMES_A_LOOK,
    NAMES_A_WORK,
    OPENINGS,
    REST,
    SEPARATOR,
    SUPPORTS,
    TAG_ALONE,
    WORDS,
    WORK_ALONE,
    Rule,
)

_LONGEST = 1000  # characters; the text encoders read 77 tokens, about 350
_MOST_ROUNDS = 3  # "an image of a painting of a drawing of a dog"

_ARTICLE_BEFORE_GAP = re.compile(rf"\b(an?)(\s+)(?:{GONE}\s*)+(?=(\w))", re.IGNORECASE)
_LEFT_HANGING = re.compile(
    r"(?:\b(?:in|by|with|as|from|of|an?|the|and|using|for|on|done|painted|drawn|rendered|depicted|style|inspired)"
    rf"\s+){{0,4}}(?:{GONE}\s*)+(?=$|[,.;:|)])",
    re.IGNORECASE,
)
_EDGES = " \t,;:|-–—•"


def clean_caption(raw: str) -> str:
    """The caption without medium, movement, artist and quality words; "" where nothing else was in it.

    Words are matched in any case and whole, every repetition is bounded; the rest keeps its case and order.
    Text beyond 1,000 characters is left out. A word is content where it names a thing in the scene:
    "a painting on the wall", "a black and white cat", "a man painting a fence", "a vintage car".

    Differs: the published trainer's case-sensitive expressions without word boundaries cut into words
        ("a mountain view" became "a mounta...") and left artists and movements in.
    """
    text = " ".join(raw.replace(GONE, " ").split())
    if len(text) > _LONGEST:
        text = text[:_LONGEST].rpartition(" ")[0]
    text = _apply(WORDS, text)
    text = _without_openings(text)
    text = _apply(REST, text)
    text = _without_tags(text)
    return _mended(text)


def _apply(rules: tuple[Rule, ...], text: str) -> str:
    for rule in rules:
        text = rule.pattern.sub(rule.replacement, text)
    return text


def _without_openings(text: str) -> str:
    """Without "a painting of" at its beginning; the paper it was painted on goes with it."""
    for _ in range(_MOST_ROUNDS):
        shorter = _apply(OPENINGS, text.lstrip(_EDGES))
        if len(shorter) == len(text):
            break
        text = _apply(SUPPORTS, shorter)
    return text


def _without_tags(text: str) -> str:
    """Without the parts between commas and dashes in which nothing but style words stand."""
    parts = SEPARATOR.split(text)
    kept = ["" if WORK_ALONE.fullmatch(parts[0]) and NAMES_A_WORK.search(parts[0]) else parts[0]]
    for separator, part in zip(parts[1::2], parts[2::2]):
        if not (TAG_ALONE.fullmatch(part) and NAMES_A_LOOK.search(part)):
            kept += [separator, part]
    return "".join(kept)


def _mended(text: str) -> str:
    """Mends what the gaps have left: articles, dangling words, empty brackets, spaces and commas."""
    text = _ARTICLE_BEFORE_GAP.sub(_article_for, text)
    text = _LEFT_HANGING.sub("", text).replace(GONE, " ")
    text = re.sub(r"\(\s*\)|\[\s*\]", " ", text)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s+(?=[,.;:|])", "", text)
    text = re.sub(r"[,;:|](?:\s*[,;:|])+|[,;:|]\s*(?=\.)", lambda run: run[0][-1], text)
    text = text.strip(_EDGES)
    return "" if text in (".", "!") else text


def _article_for(match: re.Match[str]) -> str:
    article = "an" if match[3].lower() in "aeiou" else "a"
    return (article.capitalize() if match[1][0].isupper() else article) + match[2]
