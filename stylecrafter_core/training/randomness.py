"""Random numbers that depend on what they are for, never on what was drawn before.

So a run can stop at any step and go on, and the split of a batch over passes and processes changes nothing.
"""

from __future__ import annotations

import hashlib

import torch


def generator(seed: int, *purpose: object) -> torch.Generator:
    """A CPU generator for one purpose, for example `generator(seed, "noise", step, slot)`.

    Its seed is the first 8 bytes of SHA-256 over the seed and the purpose.
    """
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
