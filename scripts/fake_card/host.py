"""The host on the fake card: it finds one, of a given size, and half precision on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any
from unittest import mock

import comfy.model_management
import torch

from .card import CARD, FakeCard

GIBIBYTE = 2**30


@contextmanager
def host_on(card: FakeCard, gibibytes: float) -> Iterator[None]:
    """The host computes on the card, which holds so much."""
    management = comfy.model_management
    total = int(gibibytes * GIBIBYTE)

    def free(device: Any = None, torch_free_too: bool = False) -> Any:
        on_processor = device is not None and torch.device(device).type == "cpu"
        left = 64 * GIBIBYTE if on_processor else total - card.meter.live
        return (left, left) if torch_free_too else left

    def size(device: Any = None, torch_total_too: bool = False) -> Any:
        return (total, total) if torch_total_too else total

    replaced = {
        "cpu_state": management.CPUState.GPU,
        "vram_state": management.VRAMState.NORMAL_VRAM,
        "set_vram_to": management.VRAMState.NORMAL_VRAM,
        "get_torch_device": lambda: CARD,
        "get_all_torch_devices": lambda *_, **__: [CARD],
        "get_free_memory": free,
        "get_total_memory": size,
        "should_use_fp16": lambda *_, **__: True,
        "should_use_bf16": lambda *_, **__: True,
        "soft_empty_cache": lambda *_, **__: None,
        "is_device_cuda": lambda device: torch.device(device).type == "cuda",
        "device_supports_non_blocking": lambda _: False,
        "supports_fp8_compute": lambda *_: False,
        "supports_mxfp8_compute": lambda *_: False,
        "supports_nvfp4_compute": lambda *_: False,
        "cuda_device_context": lambda _: nullcontext(),
        "NUM_STREAMS": 0,
        "is_nvidia": lambda: True,
        "unload_model_clones": lambda *_, **__: None,
    }
    with ExitStack() as stack:
        stack.enter_context(mock.patch("torch.cuda.synchronize"))
        for name, value in replaced.items():
            if hasattr(management, name):
                stack.enter_context(mock.patch.object(management, name, value))
        try:
            yield
        finally:
            management.current_loaded_models.clear()
