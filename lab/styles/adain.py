"""The look of a painting: adaptive instance normalisation of VGG-19 features, and their decoder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from ..family.gallery import read_painting
from ..family.packages import style_network_file

STYLE_SIDE = 192  # pixels of a style picture
EPSILON = 1e-5
# Numbers of the convolutions with a ReLU after them, as the files name them; "half", "double" between them.
ENCODER = (2, 5, "half", 9, 12, "half", 16, 19, 22, 25, "half", 29)
DECODER = (1, "double", 5, 8, 11, 14, "double", 18, 21, "double", 25)
LAST_OF_DECODER = 28
Weights = dict[str, Tensor]
Moments = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class PaintingStyle:
    """A part of a painting as style.

    Args:
        painting: its number in the museum's catalogue.
        side: of the square part, in the painting's short side (0.4..1).
        left, top: of the part, as a share of the room there is (0..1).
        mirrored: left to right.
        hue: turn of all hues, in turns; 0 leaves them.
        alpha: of the style, 0..1; 1 keeps nothing of the picture's own statistics.
    """

    painting: int
    side: float
    left: float
    top: float
    mirrored: bool
    hue: float
    alpha: float


def draw_parameters(painting: int, random: np.random.Generator) -> PaintingStyle:
    """A part of the painting; hues are turned in a third of the styles."""
    return PaintingStyle(
        painting=painting,
        side=random.uniform(0.4, 1.0),
        left=random.random(),
        top=random.random(),
        mirrored=bool(random.random() < 0.5),
        hue=random.uniform(0.08, 0.92) if random.random() < 1 / 3 else 0.0,
        alpha=random.uniform(0.8, 1.0),
    )


def render(style: PaintingStyle, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """decoder(α·AdaIN(f(picture), f(painting)) + (1 − α)·f(picture)), f = VGG-19 up to relu4_1.

    Source: X. Huang, S. Belongie, "Arbitrary style transfer in real-time with AdaIN" (2017), equations 8, 14.
    """
    weights = network()
    with torch.inference_mode():
        content = _content_features(picture.tobytes(), picture.shape[0])
        styled = adain(content, style_moments(style))
        pixels = decoded(weights, style.alpha * styled + (1 - style.alpha) * content)
    return (pixels[0].movedim(0, -1).clamp(0, 1) * 255).round().byte().numpy()


def adain(content: Tensor, style: Moments) -> Tensor:
    """σ(style)·(content − μ(content)) / σ(content) + μ(style), per channel of [1, C, H, W]."""
    mean, deviation = moments(content)
    return (content - mean) / deviation * style[1] + style[0]


def moments(features_1CHW: Tensor) -> Moments:
    """Mean and deviation of every channel: two of [1, C, 1, 1]."""
    variance, mean = torch.var_mean(features_1CHW, dim=(2, 3), keepdim=True)
    return mean, (variance + EPSILON).sqrt()


@lru_cache(maxsize=32)  # the same picture is soon told in another style
def _content_features(pixels: bytes, height: int) -> Tensor:
    return features(network(), as_tensor(np.frombuffer(pixels, np.uint8).reshape(height, -1, 3)))


@lru_cache(maxsize=32)
def style_moments(style: PaintingStyle) -> Moments:
    """The moments that the part of the painting has."""
    with torch.inference_mode():
        return moments(features(network(), as_tensor(style_picture(style))))


def style_picture(style: PaintingStyle) -> NDArray[np.uint8]:
    """The part of the painting that the style is made of, uint8 [192, 192, 3]."""
    painting = read_painting(style.painting)
    side = round(style.side * min(painting.shape[:2]))
    top, left = (
        round(share * (length - side)) for share, length in zip((style.top, style.left), painting.shape)
    )
    part = painting[top : top + side, left : left + side, ::1]
    if style.mirrored:
        part = part[:, ::-1]
    resized = Image.fromarray(part).resize((STYLE_SIDE, STYLE_SIDE), Image.Resampling.LANCZOS)
    return _hue_turned(np.asarray(resized), style.hue)


def _hue_turned(pixels: NDArray[np.uint8], turn: float) -> NDArray[np.uint8]:
    """All colours turned around the grey axis, their brightness kept as far as it goes."""
    if turn == 0:
        return pixels
    # The turn about the axis (1, 1, 1): a matrix, so that greys and their noise stay as they are.
    c, s = np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)
    third, root = (1 - c) / 3, s / np.sqrt(3)
    matrix = np.array(
        [
            [c + third, third - root, third + root],
            [third + root, c + third, third - root],
            [third - root, third + root, c + third],
        ]
    )
    weights = np.array([0.299, 0.587, 0.114])
    turned = pixels @ matrix.T
    turned += (pixels @ weights - turned @ weights)[..., None]
    return np.clip(np.round(turned), 0, 255).astype(np.uint8)


def as_tensor(picture: NDArray[np.uint8]) -> Tensor:
    pixels = torch.from_numpy(picture.copy()).movedim(-1, 0)[None].float() / 255
    return pixels.contiguous(memory_format=torch.channels_last)


@lru_cache(maxsize=1)
def network() -> Weights:
    """Encoder and decoder, laid out in memory for speed.

    Raises:
        InputError: they have not been fetched.
    """
    tensors = load_file(style_network_file())
    return {
        name: t.contiguous(memory_format=torch.channels_last) if t.ndim == 4 else t
        for name, t in tensors.items()
    }


def features(weights: Weights, pixels_13HW: Tensor) -> Tensor:
    """relu4_1 of the normalised VGG-19: [1, 512, H / 8, W / 8]."""
    result = F.conv2d(pixels_13HW, weights["encoder.0.weight"], weights["encoder.0.bias"])
    for layer in ENCODER:
        if layer == "half":
            result = F.max_pool2d(result, 2, ceil_mode=True)
        else:
            result = F.relu(convolution(weights, f"encoder.{layer}", result))
    return result


def decoded(weights: Weights, features_1CHW: Tensor) -> Tensor:
    """The picture that has these features, 0..1 and a little beyond: [1, 3, 8 H, 8 W]."""
    result = features_1CHW
    for layer in DECODER:
        if layer == "double":
            result = F.interpolate(result, scale_factor=2.0)
        else:
            result = F.relu(convolution(weights, f"decoder.{layer}", result))
    return convolution(weights, f"decoder.{LAST_OF_DECODER}", result)


def convolution(weights: Weights, name: str, result: Tensor) -> Tensor:
    padded = F.pad(result, (1, 1, 1, 1), mode="reflect")
    return F.conv2d(padded, weights[f"{name}.weight"], weights[f"{name}.bias"])
