"""What all nodes of this pack share: the description's form, the category, the sockets of our own."""

from __future__ import annotations

import dataclasses
from typing import Any

from comfy_api.latest import io

CATEGORY = "StyleCrafter"
ADAPTER = io.Custom("STYLECRAFTER_ADAPTER")
STYLE = io.Custom("STYLECRAFTER_STYLE")


def schema(**keywords: Any) -> io.Schema:
    """The node's description, less what this version of the host does not know: that would stop the pack."""
    known = {field.name for field in dataclasses.fields(io.Schema)}
    return io.Schema(category=CATEGORY, **{name: value for name, value in keywords.items() if name in known})
