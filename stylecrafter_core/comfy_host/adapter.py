"""A style adapter under the host's memory management."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary

import comfy.model_management
import comfy.ops
import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from ..adapter import ReadyStyle, SiteStyle, Style, StyleAdapter
from ..errors import MismatchError
from ..formats import AdapterFile, keys_are_zero, read_adapter
from ..spec import AdapterSpec
from .releases import patcher_class

T = TypeVar("T")

log = logging.getLogger(__name__)


class HostAdapter:
    """What travels on the STYLECRAFTER_ADAPTER socket: the adapter, moved in and out by the host.

    Immutable. What is derived from a style is kept as long as the style lives: K and V once per style, gains
    once per style and prompt; style tokens that read the prompt, with their K and V, once per pair, too.

    Args:
        file: a read adapter file.
        name: shown to people.
    """

    def __init__(self, file: AdapterFile, name: str):
        management = comfy.model_management
        self.name = name
        device = management.unet_offload_device()
        tensors = {name: tensor.to(device) for name, tensor in file.tensors.items()}
        self.module = StyleAdapter.from_tensors(file.spec, tensors, operations=comfy.ops.manual_cast)
        self.patcher = patcher_class()(
            self.module, load_device=management.get_torch_device(), offload_device=device
        )
        self._tokens: WeakKeyDictionary[Style, WeakTensorKeyDictionary] = WeakKeyDictionary()
        self._gains: WeakKeyDictionary[Style, WeakTensorKeyDictionary] = WeakKeyDictionary()
        self._site_styles = WeakTensorKeyDictionary()  # by style tokens, then by dtype
        self._nulls: dict[torch.dtype, ReadyStyle] = {}

    @classmethod
    def from_file(cls, path: Path) -> HostAdapter:
        """The style adapter in a file of any published or own format; errors as of `read_adapter`."""
        file = read_adapter(path)
        if keys_are_zero(file):
            log.warning(
                "%s: all its style keys are zero, as the published training script leaves them. It works, "
                "but its style is the same for every place of the picture: the mean of its style values.",
                path.name,
            )
        return cls(file, path.name)

    def __deepcopy__(self, memo: dict) -> HostAdapter:
        """The host deep-copies patches when a model is cloned; weights are shared, never copied."""
        return self

    @property
    def spec(self) -> AdapterSpec:
        """All sizes of the adapter."""
        return self.module.spec

    @property
    def adapter_id(self) -> str:
        """Fingerprint of the weights."""
        return self.module.adapter_id

    def encode(self, clip_tokens_RLW: Tensor, image_embeds: Tensor | None = None) -> Style:
        """See StyleAdapter.encode."""
        return self._run(self.module.encode, clip_tokens_RLW, image_embeds)

    def style_tokens(self, style: Style, text_BND: Tensor) -> Tensor:
        """See StyleAdapter.style_tokens; computed once for this pair."""
        if style.tokens is not None:
            return style.tokens
        cache = self._tokens.setdefault(style, WeakTensorKeyDictionary())
        if text_BND not in cache:
            cache[text_BND] = self._run(partial(self.module.style_tokens, style), text_BND)
        return cache[text_BND]

    def layer_gains(self, style_tokens_BQD: Tensor, text_BND: Tensor) -> Tensor:
        """See StyleAdapter.layer_gains."""
        return self._run(self.module.layer_gains, style_tokens_BQD, text_BND)

    def check_style(self, style: Style) -> None:
        """Raise MismatchError unless this adapter encoded the style."""
        if style.adapter_id != self.adapter_id:
            raise MismatchError(
                "The style was encoded with another adapter than the one that is to read it.",
                found=f"a style of the {style.family} adapter {style.adapter_id}",
                expected=f"a style of {self.name} ({self.adapter_id})",
                fix="connect one adapter both to what encodes the style and to what patches the model",
            )

    def ready_style(self, style: Style, text_BND: Tensor, strength: float, dtype: torch.dtype) -> ReadyStyle:
        """A style ready for a pass under a prompt; only the strength is computed anew in every step."""
        sites = self._site_styles_of(self.style_tokens(style, text_BND), dtype)
        return ReadyStyle.of(sites, (strength * self._gains_of(style, text_BND)).to(dtype))

    def ready_null(self, dtype: torch.dtype) -> ReadyStyle | None:
        """The null style, for where there is no other; None for an adapter without one."""
        if not self.spec.has_null:
            return None
        device = self.patcher.load_device
        if dtype not in self._nulls:
            terms = self.module.null_terms()
            self._nulls[dtype] = ReadyStyle(nulls=tuple(term.to(device, dtype) for term in terms))
        return self._nulls[dtype]

    def _gains_of(self, style: Style, text_BND: Tensor) -> Tensor:
        """[B, sites] gains of a style under a prompt, computed once for this pair."""
        cache = self._gains.setdefault(style, WeakTensorKeyDictionary())
        if text_BND not in cache:
            tokens = self.style_tokens(style, text_BND).expand(len(text_BND), -1, -1)
            cache[text_BND] = self.layer_gains(tokens, text_BND)
        return cache[text_BND]

    def _site_styles_of(self, tokens_BQD: Tensor, dtype: torch.dtype) -> tuple[SiteStyle, ...]:
        """K, V and norms of every site for these style tokens, computed once and kept in `dtype`."""
        cache = self._site_styles.setdefault(tokens_BQD, {})
        if dtype not in cache:
            cache[dtype] = tuple(
                _cast(site, dtype) for site in self._run(self.module.site_styles, tokens_BQD)
            )
        return cache[dtype]

    def _run(self, compute: Callable[..., T], *tensors: Tensor | None) -> T:
        """Compute in float32 on the device where the host has put the weights."""
        comfy.model_management.load_models_gpu([self.patcher])
        device = self.patcher.load_device
        return compute(*(None if t is None else t.to(device, torch.float32) for t in tensors))


def _cast(site: SiteStyle, dtype: torch.dtype) -> SiteStyle:
    return SiteStyle(*(None if part is None else part.to(dtype) for part in site))  # type: ignore[arg-type]
