"""The table of patterns by which captions lose their style words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .caption_words import ARTIST, BESIDE, LOOK, MATERIAL, MEDIUM, MOVEMENT, RESOLUTION, SUPPORT, TAG

GONE = "\0"  # marks the place of what was taken out, until the words around it have been mended

_A = r"(?:(?:an?|the|this|some)\s+)?"
_BEFORE_MEDIUM = (
    rf"(?:(?:{LOOK}|{MATERIAL}|{BESIDE}|{MOVEMENT}|{GONE})[\s,-]+(?:style\s+)?(?:and\s+)?){{0,5}}"
)
_WORK = rf"{_BEFORE_MEDIUM}{MEDIUM}\b(?:\s*{GONE})?"
_SHOWING = r"(?:(?:that|which)\s+)?(?:of|showing|shows|depicting|depicts|featuring|features|with)"
_INTRODUCTION = r"(?:(?:this|it|that|here|there)\s+is\s+|there\s+are\s+|a\s+close[\s-]?up\s+of\s+)?"
_END = r"(?=\s*(?:$|[,.;:|()]))"
_STYLE_WORD = rf"(?:{ARTIST}(?:['’]s)?|{MOVEMENT}|{LOOK}|{MATERIAL}|{MEDIUM})"
_ARTICLE = r"(?:an?|the|his|her|their|some|two|three)\b"
_NOT_A_NAME = (
    r"(?:with|on|in|at|near|by|while|under|over|beside|next|behind|during|from|"
    rf"to|against|is|are|surrounded)\b|and\s+{_ARTICLE}|"
    r"(?!(?:painting|drawing|engraving|etching|printing|haring)\b)\w{2,}ing\b"  # "standing on a hill"
)
_NAME_WORD = rf"(?!{_NOT_A_NAME})(?:(?:\w\.)+|[^\s,;:|().\0]+)"
_PLACE = (
    r"(?:Lake|Mount|Loch|River|Bay|Beach|Sea|Ocean|Street|Avenue|Road|Bridge|Station|Tower|Park|Grand|Central|Big|"
    r"Castle|Cathedral|Church|Square|Hall|House|Palace|Harbou?r|Canal|Falls|Creek|Fort|Port|Saint|St|San|Times)\b"
)
_NAME_PART = rf"(?:(?:van|von|de|der|den|da|di|la|le|du)\s+){{0,2}}(?!{_PLACE})[A-ZÀ-Þ](?:[\w'’-]{{1,30}}|\.)"
_CAPITALS = rf"(?-i:{_NAME_PART}(?:\s+{_NAME_PART}){{1,3}})(?!\s+(?-i:{_PLACE}))"
_AFTER_A_NOUN = r"(?<=\w )" + "".join(
    rf"(?<!{end} )"
    for end in (r"\bthe", r"\ba", r"\ban", r"\bof", r"\bin", r"\bon", r"\bat", r"\band", r"\bwith", "ing")
)
_MADE_SURELY = r"(?:painted|drawn|illustrated|rendered|depicted|done|made|created|designed|photographed)\s+"
_MADE = rf"(?:{_MADE_SURELY})?"


@dataclass(frozen=True)
class Rule:
    """One kind of style words: what it matches (any case), and what stands there afterwards."""

    pattern: re.Pattern[str]
    replacement: str = GONE


def _rule(pattern: str, replacement: str = GONE) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), replacement)


WORDS = (
    # What the picture is framed as is kept, what it is made with is not.
    _rule(rf"\bclose[\s-]?up\s+(?:{LOOK}\s+)?{MEDIUM}\s+of\b", "close up of"),
    _rule(rf"\baerial\s+(?:{LOOK}\s+)?{MEDIUM}\s+of\b", "aerial view of"),
    # "in the style of Monet", "after the manner of a japanese print"
    _rule(
        rf"\b{_MADE}(?:(?:in|after|with)\s+)?(?:the|an?)\s+(?:\w+\s+)?(?:style|manner|spirit|aesthetic)s?\s+of\s+"
        rf"(?:(?:the|an?)\s+)?{_NAME_WORD}(?:\s+{_NAME_WORD}){{0,6}}"
    ),
    # "in an anime style", "van gogh style", "pixar-styled"
    _rule(
        rf"\b{_MADE}(?:in\s+)?(?:(?:an?|the)\s+)?(?:(?:{BESIDE}|{_STYLE_WORD})\s+){{0,3}}{_STYLE_WORD}"
        rf"[\s-]+(?:styled?|aesthetic)\b(?:{_END}|(?=\s+(?:with|of|by|on|in|at|and|while|{_SHOWING})\b))"
    ),
    _rule(rf"\b{_STYLE_WORD}[\s-]+(?:styled?|inspired|esque)\b"),
    # "by Van Gogh"; a name that is unknown must look like one, or stand behind a picture
    _rule(
        rf"\b{_MADE}(?:inspired\s+)?by\s+(?:the\s+)?(?:artist\s+|painter\s+)?{ARTIST}(?:\s+and\s+{ARTIST})?\b"
    ),
    _rule(rf"\b{_MADE}by\s+(?:artist\s+|painter\s+|photographer\s+)?{_CAPITALS}{_END}"),
    _rule(
        rf"(?<=\b)({MEDIUM})\s+by\s+(?!{_ARTICLE}){_NAME_WORD}(?:\s+(?!of\b){_NAME_WORD}){{0,3}}"
        rf"(?=\s+{_SHOWING}\b|\s*$)",
        rf"\1 {GONE}",
    ),
    _rule(rf"\b{ARTIST}(?:['’]s)?\s+(?={_WORK})", f"{GONE} "),
    _rule(rf"(?:\s[-–—]|[|,])\s*{ARTIST}\s*$"),
    _rule(rf"^{ARTIST}\s*(?:\s[-–—]|[|:])"),
    # "oil on canvas", "canvas print", "in black and white"
    _rule(rf"\b{MATERIAL}(?:\s+and\s+{MATERIAL})?\s+on\s+{SUPPORT}\b"),
    _rule(
        r"\b(?:framed\s+)?(?:canvas|fine\s+art|art|gicl[eé]e)\s+(?:wall\s+)?(?:art\s+)?(?:prints?|posters?)\b"
    ),
    _rule(
        r"(?<!dressed )(?<!clad )(?<!painted )(?<!striped )"
        rf"\bin\s+(?:black\s+(?:and|&)\s+white|sepia|monochrome|gr[ae]yscale|{RESOLUTION}){_END}"
    ),
)
OPENINGS = (
    _rule(rf"^(?!the\s+art\s+of){_INTRODUCTION}{_A}{_WORK}\s+{_SHOWING}\s+(?!(?:each|one)\s+other)", ""),
    _rule(rf"(?<=[.|;])\s*{_INTRODUCTION}{_A}{_WORK}\s+{_SHOWING}\s+", " "),
)
SUPPORTS = (_rule(rf"\s+on\s+(?:an?\s+)?(?:piece\s+of\s+|sheet\s+of\s+)?{SUPPORT}{_END}", ""),)
REST = (
    _rule(rf"\b{TAG}\b"),
    # "two women in a painting", "a fox as an oil painting"
    _rule(rf"(?<!\bis )(?<!\bare )\b{_MADE}(?:in|as|like)\s+{_A}{_WORK}{_END}"),
    _rule(rf"\b{_MADE}(?:in|as)\s+{MATERIAL}(?:\s+and\s+{MATERIAL})?{_END}"),
    _rule(rf"\b{_MADE_SURELY}(?:with|using)\s+{_A}(?:{_WORK}|{MATERIAL}(?:\s+and\s+{MATERIAL})?){_END}"),
    # "horse oil painting", "tiger cartoon": behind the thing it shows
    _rule(rf"{_AFTER_A_NOUN}\b(?:{MATERIAL}|{LOOK})\s+{MEDIUM}{_END}"),
    _rule(
        rf"{_AFTER_A_NOUN}(?:illustration|cartoon|vector|clip\s?art|watercolou?r|wallpaper|photo|photograph|sketch|artwork)"
        rf"{_END}"
    ),
    _rule(
        rf"\b(?:(?:{MATERIAL}|{LOOK})\s+)+(?=(?:self[\s-])?(?:portrait|landscape|seascape|cityscape|still\s+life)\b)"
    ),
    # A style word before a thing: "a cartoon dog", but "a boy watches a cartoon on tv", "watercolor paints".
    _rule(
        r"\b(?:cartoon|anime|manga|pixelated|stylised|stylized|cartoonish)\s+"
        r"(?!(?:on|in|at|and|with|by|from|network|show|shows|channel|is|are|of|for|book|books|film|movie)\b)(?=\w)"
    ),
    _rule(
        r"\bwatercolou?r\s+(?!(?:paints?|set|sets|brush|brushes|box|palette|paper|kit|on|in|and|class)\b)(?=\w)"
    ),
    _rule(rf"\b{MOVEMENT}\b"),
)
_TAG_WORDS = rf"(?:(?:{_STYLE_WORD}|{RESOLUTION}|{BESIDE}|style|art|and)\b|{GONE})"
TAG_ALONE = re.compile(rf"\s*(?:{_TAG_WORDS}[\s-]*){{1,8}}", re.IGNORECASE)
WORK_ALONE = re.compile(rf"\s*{_A}(?:{_TAG_WORDS}[\s-]*){{1,8}}", re.IGNORECASE)
NAMES_A_LOOK = re.compile(rf"\b(?:{ARTIST}|{LOOK}|{MOVEMENT}|{MEDIUM}|{RESOLUTION})\b|{GONE}", re.IGNORECASE)
NAMES_A_WORK = re.compile(rf"\b(?:{MOVEMENT}|{MEDIUM})\b|{GONE}", re.IGNORECASE)
SEPARATOR = re.compile(r"(\s*[,;|•]\s*|\s+[-–—]\s+)")
