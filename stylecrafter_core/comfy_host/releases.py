"""What differs between releases of the host: found by what a release has, never by its version."""

from __future__ import annotations

import comfy.model_management
from torch import nn


def record_dtypes(model: nn.Module) -> None:
    """Tell DynamicVRAM that every weight is to have its present dtype on the card.

    Hosts that have it write the dtypes down while a model is built, which a model that got others since must
    do again.
    """
    record = getattr(comfy.model_management, "archive_model_dtypes", None)
    if record is not None:
        record(model)
