"""Is a run going to work? All data decoded, a step taken, room measured, before days are spent on it."""

from __future__ import annotations

from .dry_run import dry_run
from .preflight import preflight
from .report import PreflightReport

__all__ = ["PreflightReport", "dry_run", "preflight"]
