"""Optical flow by named backends: where each pixel of one frame lies in another.

T frames, P = T − 1 pairs of neighbours, channel 0 of a flow is x (to the right), channel 1 is y (down).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from ..formats import compare, read_tensors
from .files import file_sha256, imported

LEAST_SIDE = 32  # pixels; below, DIS has no pyramid to search in
RAFT_MULTIPLE, RAFT_LEAST_SIDE = 8, 128

PairFlow = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Flow:
    """A way to compute flow.

    Attributes:
        backend: its name: part of the name of every number that is made from it.
        between: two frames [H, W, 3] to [2, H, W]: pixel p of the first lies at p + flow(p) in the second.
        weights: SHA-256 of its file, by the file's name.
    """

    backend: str
    between: PairFlow
    weights: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Flows:
    """The motion of a clip.

    Attributes:
        backend: what computed it.
        forward: [P, 2, H, W], x_t → x_{t+1} in pixels: pixel p of frame t lies at p + flow(p) in frame t + 1.
        backward: [P, 2, H, W], x_{t+1} → x_t.
    """

    backend: str
    forward: Tensor
    backward: Tensor


def clip_flows(frames_THWC: Tensor, flow: Flow) -> Flows:
    """The flow between all neighbouring frames, both ways.

    Args:
        frames_THWC: [T, H, W, 3] float, 0..1, at least 2 frames of at least 32 × 32 pixels.
        flow: a backend.

    Raises:
        InputError: no such clip.
    """
    check_clip(frames_THWC)
    if min(frames_THWC.shape[1:3]) < LEAST_SIDE:
        raise InputError(
            "The frames are too small for optical flow.",
            found=f"{frames_THWC.shape[2]} × {frames_THWC.shape[1]} pixels",
            expected=f"{LEAST_SIDE} × {LEAST_SIDE} or more",
            fix="measure the frames at their native size",
        )
    pairs = list(itertools.pairwise(frames_THWC))
    return Flows(
        flow.backend,
        torch.stack([flow.between(earlier, later) for earlier, later in pairs]),
        torch.stack([flow.between(later, earlier) for earlier, later in pairs]),
    )


def check_clip(frames_THWC: Tensor) -> None:
    """Raises InputError unless this is a finite float clip [T ≥ 2, H, W, 3] in 0..1."""
    if frames_THWC.ndim != 4 or frames_THWC.shape[-1] != 3 or not frames_THWC.is_floating_point():
        found = f"{list(frames_THWC.shape)} of {frames_THWC.dtype}"
    elif len(frames_THWC) < 2 or frames_THWC.numel() == 0:
        found = f"{len(frames_THWC)} frames of {frames_THWC.shape[2]} × {frames_THWC.shape[1]} pixels"
    elif not bool(torch.isfinite(frames_THWC).all()):
        found = "NaN or infinity"
    elif float(frames_THWC.min()) < 0 or float(frames_THWC.max()) > 1:
        found = f"values from {float(frames_THWC.min()):.3g} to {float(frames_THWC.max()):.3g}"
    else:
        return
    raise InputError(
        "The motion of this clip cannot be measured.",
        found=found,
        expected="a float tensor [frames, height, width, 3], two frames or more, values from 0 to 1",
        fix="divide 8-bit frames by 255, and clip what a decoder overshoots",
    )


def dis_medium() -> Flow:
    """OpenCV's dense inverse search, preset medium, on 8-bit grey frames.

    End-point error 0.23 pixels on a smooth synthetic warp, where doing nothing has 5.98.
    """
    cv2 = _opencv("opencv_dis_medium")
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return Flow("opencv_dis_medium", _on_grey(cv2, lambda one, other: search.calc(one, other, None)))


def farneback() -> Flow:
    """OpenCV's polynomial expansion: a second opinion without weights, 1.42 pixels off on the same warp."""
    cv2 = _opencv("opencv_farneback")

    def search(earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        return cv2.calcOpticalFlowFarneback(earlier, later, None, 0.5, 4, 21, 3, 5, 1.1, 0)

    return Flow("opencv_farneback", _on_grey(cv2, search))


def raft_small(file: Path) -> Flow:
    """RAFT-small, the paper's flow, from a file of torchvision's weights.

    Sides are padded to multiples of 8, and to 128 pixels at least, by repeating the borders.

    Raises:
        WeightFileError: the file cannot be read, or holds another network.
    """
    from torchvision.models.optical_flow import raft_small as build

    network = build(weights=None).eval().requires_grad_(False)
    tensors = read_tensors(file).tensors
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    # Counters of batch norms are numbers without a meaning here; older files lack them.
    counters = {name for name in shapes if name.endswith("num_batches_tracked")}
    wanted = {name: shape for name, shape in shapes.items() if name not in counters}
    found = {name: tensor for name, tensor in tensors.items() if name not in counters}
    compare(wanted, found).raise_unless_complete(file, "RAFT-small of torchvision")
    network.load_state_dict(found, strict=False)
    digest = file_sha256(file)

    def between(earlier_HWC: Tensor, later_HWC: Tensor) -> Tensor:
        height, width = earlier_HWC.shape[:2]
        down, right = (max(RAFT_LEAST_SIDE, side + -side % RAFT_MULTIPLE) - side for side in (height, width))
        both = torch.stack([earlier_HWC, later_HWC]).float().movedim(-1, 1) * 2 - 1
        both = F.pad(both, (0, right, 0, down), mode="replicate")
        with torch.no_grad():
            return network(both[:1], both[1:])[-1][0, :, :height, :width]

    return Flow(f"raft_small_{digest[:8]}", between, {file.name: digest})


def _opencv(backend: str) -> ModuleType:
    return imported("cv2", "opencv-python-headless", f"The flow backend {backend}")


def _on_grey(cv2: ModuleType, search: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> PairFlow:
    def grey(frame_HWC: Tensor) -> np.ndarray:
        pixels = (frame_HWC.detach().cpu().float() * 255).round().to(torch.uint8).numpy()
        return cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)

    def between(earlier_HWC: Tensor, later_HWC: Tensor) -> Tensor:
        flow = search(grey(earlier_HWC), grey(later_HWC))
        return torch.from_numpy(flow).movedim(-1, 0).contiguous()

    return between
