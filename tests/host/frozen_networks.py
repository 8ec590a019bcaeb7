"""Networks that the host freezes when it builds them, as newer hosts do, on any host."""

from __future__ import annotations

from typing import Any

import comfy.model_base
import pytest


def build_frozen(patch: pytest.MonkeyPatch) -> None:
    """Every network that the host builds from now on comes without gradients."""
    build = comfy.model_base.BaseModel.__init__

    def build_and_freeze(self: Any, *args: Any, **kwargs: Any) -> None:
        build(self, *args, **kwargs)
        self.diffusion_model.requires_grad_(False)

    patch.setattr(comfy.model_base.BaseModel, "__init__", build_and_freeze)
