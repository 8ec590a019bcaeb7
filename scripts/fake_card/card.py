"""A graphics card that computes shapes, dtypes and devices, but no numbers.

The processor stays real. A tensor on the card has no values, except for small ones that were made from known
ones (timesteps, sigmas): those keep their values beside them, so that a sampler can read its schedule.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.weak import WeakIdKeyDictionary

from .meter import Meter

CARD, PROCESSOR = torch.device("cuda:0"), torch.device("cpu")
KNOWN_VALUES = 2**22  # tensors up to this many keep their values: sigmas, and a latent before the first step
LARGE = 4096
# A card multiplies numbers of one kind; fake tensors would let two pass.
MULTIPLIES = {getattr(torch.ops.aten, n) for n in ("mm", "addmm", "bmm", "baddbmm", "convolution")}
# How large their results are lies in the values.
SIZED_BY_VALUES = {torch.ops.aten.index.Tensor, torch.ops.aten.nonzero.default}
READS = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default}


class FakeCard(TorchDispatchMode):
    """While it is entered, `cuda:0` exists.

    Raises, as a card would: operations over two devices or over dtypes that do not go together.

    Attributes:
        meter: what the operations on the card cost.
        waits: where the processor asked for a value that lies on the card: (file, line), one per question.
        pretends_cpu: tensors made on the processor have no values either; for weights too large to hold.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeTensorMode(allow_non_fake_inputs=True)
        self.meter = Meter(CARD)
        self.waits: list[tuple[str, int]] = []
        self.pretends_cpu = False
        self._known: Any = WeakIdKeyDictionary()
        self._stack = ExitStack()

    def __enter__(self) -> FakeCard:
        self._stack.enter_context(self.fake)
        self._stack.enter_context(CardFunctions(self))
        self._stack.enter_context(mock.patch.object(nn.Module, "_apply", _move_module))
        self._stack.enter_context(mock.patch("torch.Generator", _generator))
        for asked in ("amp.common.amp_definitely_not_available", "is_bf16_supported"):
            answer = mock.Mock(return_value=asked == "is_bf16_supported")
            self._stack.enter_context(mock.patch(f"torch.cuda.{asked}", answer))
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._stack.close()

    @contextmanager
    def without_values(self) -> Iterator[None]:
        """What is large and made on the processor has no values either, and takes no memory."""
        self.pretends_cpu = True
        try:
            yield
        finally:
            self.pretends_cpu = False

    @contextmanager
    def on_the_processor(self, network: nn.Module) -> Iterator[None]:
        """The processor stands in for the card, with the network's weights on it; no large tensor is real."""
        card_meter, self.meter = self.meter, Meter(PROCESSOR)
        for weight in filter(self.meter.on_card, network.parameters()):
            self.meter.keep(weight)
        try:
            with self.without_values():
                yield
        finally:
            self.meter = card_meter

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        fake = [tensor for tensor in tensors if isinstance(tensor, FakeTensor)]
        if not (fake or _is_card(kwargs.get("device")) or (self.pretends_cpu and _is_large(args))):
            with unset_fake_temporarily():
                return function(*args, **kwargs)
        known = self._known_result(function, args, kwargs, tensors)
        if function in READS and known is not None:
            if any(tensor.device.type == "cuda" for tensor in fake):
                self.waits.append(_asking_line())
            return known
        if function.overloadpacket in MULTIPLIES:
            _require_one_dtype(function, tensors)
        if function in SIZED_BY_VALUES and known is not None:
            self.waits.append(_asking_line())
            out = torch.empty_like(known, device=fake[0].device)
        else:
            out = function(*args, **kwargs)
        self.meter.add(function, args, kwargs, out)
        if known is not None:
            for made, value in zip(tree_flatten(out)[0], tree_flatten(known)[0], strict=True):
                if isinstance(made, FakeTensor):
                    self._known[made] = value
        return out

    def _known_result(self, function: Any, args: tuple, kwargs: dict[str, Any], tensors: list[Tensor]) -> Any:
        """What the operation gives in numbers, if they are known and few."""
        if not tensors or not all(self._is_known(tensor) for tensor in tensors):
            return None

        def value(leaf: Any) -> Any:
            if isinstance(leaf, FakeTensor):
                return self._known[leaf]
            return torch.device("cpu") if _is_card(leaf) else leaf

        with unset_fake_temporarily():
            known = function(*tree_map(value, args), **tree_map(value, kwargs))
        few = all(leaf.numel() <= KNOWN_VALUES for leaf in tree_flatten(known)[0] if isinstance(leaf, Tensor))
        return known if few else None

    def _is_known(self, tensor: Tensor) -> bool:
        if isinstance(tensor, FakeTensor):
            return tensor in self._known
        return tensor.numel() <= KNOWN_VALUES


def _move_module(module: nn.Module, move: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """torch's own changes a weight in place, which a tensor without values does not allow."""
    for child in module.children() if recurse else ():
        _move_module(child, move)
    for name, weight in module._parameters.items():
        if weight is None:
            continue
        moved = move(weight.detach())
        if (moved.device, moved.dtype) != (weight.device, weight.dtype):
            module._parameters[name] = nn.Parameter(moved, weight.requires_grad)
    for name, buffer in module._buffers.items():
        if buffer is not None:
            module._buffers[name] = move(buffer)
    return module


class CardFunctions(TorchFunctionMode):
    """What asks the card itself: torch's choice of attention (here a fused kernel), `torch.tensor`."""

    def __init__(self, card: FakeCard) -> None:
        super().__init__()
        self.card = card

    def __torch_function__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is scaled_dot_product_attention and self.card.meter.on_card(args[0]):
            return _fused(*args, **kwargs)
        if function is Tensor.backward:
            with self:  # what is computed again on the way back goes through here, too
                return _run_backward(args[0])
        if function is torch.tensor and _is_card(kwargs.get("device")):
            numbers = tree_map(lambda leaf: leaf.item() if isinstance(leaf, Tensor) else leaf, args)
            return function(*numbers, **{**kwargs, "device": PROCESSOR}).to(kwargs["device"])
        return function(*args, **kwargs)


def _generator(device: Any = None, real: Any = torch.Generator) -> torch.Generator:
    """The processor's in place of the card's: no number is drawn from it."""
    return real()


def _run_backward(loss: Tensor) -> None:
    engine = torch.autograd.Variable._execution_engine
    engine.run_backward((loss,), (torch.ones_like(loss),), False, False, (), True, True)


def _fused(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **_: Any,
) -> Tensor:
    if attn_mask is None and q.dtype in (torch.float16, torch.bfloat16) and q.shape[-1] <= 256:
        return torch.ops.aten._scaled_dot_product_flash_attention(q, k, v, dropout_p, is_causal)[0]
    if attn_mask is not None:
        attn_mask = attn_mask.expand(*q.shape[:-1], k.shape[-2])
    efficient = torch.ops.aten._scaled_dot_product_efficient_attention
    return efficient(q, k, v, attn_mask, q.requires_grad, dropout_p, is_causal)[0]


def _require_one_dtype(function: Any, tensors: list[Tensor]) -> None:
    dtypes = {tensor.dtype for tensor in tensors}
    if len(dtypes) > 1:
        raise RuntimeError(f"{function}: expected one dtype, found {', '.join(sorted(map(str, dtypes)))}")


def _is_card(device: Any) -> bool:
    return isinstance(device, torch.device) and device.type == "cuda"


def _is_large(args: tuple) -> bool:
    """Whether these are the arguments of an operation that makes a large tensor from its sizes."""
    sizes = args[0] if args and isinstance(args[0], list | tuple) else ()
    return all(isinstance(size, int) for size in sizes) and math.prod(sizes) > LARGE


def _asking_line() -> tuple[str, int]:
    """The line outside torch that wants to know."""
    frames = [frame for frame in traceback.extract_stack() if "/torch/" not in frame.filename]
    frames = [frame for frame in frames if not frame.filename.endswith("fake_card/card.py")]
    return frames[-1].filename, frames[-1].lineno or 0
