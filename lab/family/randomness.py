"""Random numbers that depend on what they are for, never on what was drawn before."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *purpose: object) -> np.random.Generator:
    """A generator for one purpose, for example `generator(seed, "scene", 17)`.

    Its seed is SHA-256 over the seed and the purpose.
    """
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, np.uint32))
