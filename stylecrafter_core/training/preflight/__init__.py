"""Is a run going to work? All data decoded, a step taken, room measured, before days are spent on it."""

from __future__ import annotations

from .preflight import dry_run, preflight
from .report import PreflightReport

__all__ = ["PreflightReport", "dry_run", "preflight"]
