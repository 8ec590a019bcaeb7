"""A short name for an adapter's weights, so that a style is never read by another adapter."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import torch
from torch import Tensor

from ..spec import AdapterSpec

SAMPLES_PER_TENSOR = 256


def fingerprint(spec: AdapterSpec, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 (first 16 hex digits) over the spec and evenly spaced values of every tensor.

    A sample, because hashing every byte of a published adapter would take as long as reading it. Two
    trained adapters differ in every tensor.
    """
    digest = hashlib.sha256(json.dumps(spec.to_dict(), sort_keys=True).encode())
    for name in sorted(tensors):
        flat = tensors[name].detach().flatten()
        sample = flat[:: max(1, len(flat) // SAMPLES_PER_TENSOR)]
        digest.update(name.encode())
        digest.update(sample.to("cpu", torch.float32).numpy().tobytes())
    return digest.hexdigest()[:16]
