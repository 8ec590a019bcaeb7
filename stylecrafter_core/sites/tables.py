"""Which cross-attention is site i, in the published U-Nets, addressed as the host addresses it."""

from __future__ import annotations

from ..spec import Site

# (block, number, transformer depth, channels), in the order in which each family counts its sites.
Row = tuple[str, int, int, int]

_VIDEO: tuple[Row, ...] = (
    ("input", 1, 1, 320),
    ("input", 2, 1, 320),
    ("input", 4, 1, 640),
    ("input", 5, 1, 640),
    ("input", 7, 1, 1280),
    ("input", 8, 1, 1280),
    ("middle", 0, 1, 1280),
    ("output", 3, 1, 1280),
    ("output", 4, 1, 1280),
    ("output", 5, 1, 1280),
    ("output", 6, 1, 640),
    ("output", 7, 1, 640),
    ("output", 8, 1, 640),
    ("output", 9, 1, 320),
    ("output", 10, 1, 320),
    ("output", 11, 1, 320),
)

_SDXL: tuple[Row, ...] = (
    ("input", 4, 2, 640),
    ("input", 5, 2, 640),
    ("input", 7, 10, 1280),
    ("input", 8, 10, 1280),
    ("output", 0, 10, 1280),
    ("output", 1, 10, 1280),
    ("output", 2, 10, 1280),
    ("output", 3, 2, 640),
    ("output", 4, 2, 640),
    ("output", 5, 2, 640),
    ("middle", 0, 10, 1280),
)


def _expand(rows: tuple[Row, ...]) -> tuple[Site, ...]:
    return tuple(
        Site(block, number, index, channels)
        for block, number, depth, channels in rows
        for index in range(depth)
    )


PUBLISHED_SITES = {"video": _expand(_VIDEO), "sdxl": _expand(_SDXL)}
