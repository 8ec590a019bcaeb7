"""The small family's autoencoder: TAESD's layout, which the host's VAE class reads, trained on our pictures.

N pictures, [N, 3, S, S] in 0..1; latents [N, 4, S / 8, S / 8].
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylecrafter_core.training.config.schema import Optimiser
from stylecrafter_core.training.randomness import generator

from ..materials.autoencoder import HOST_SCALE
from .learning import Lesson, learn, normal
from .perception import Perception

CPU = torch.device("cpu")
STEPS = 5000
BATCH, CROP = 8, 64  # pictures a step, and the side of the part that is taken of each
OPTIMISER = Optimiser(lr=1.5e-3, schedule="cosine", warmup_steps=100, ema=0.995, args={"weight_decay": 0.0})
LATENT_NOISE = 0.08  # deviations: what the U-Net draws is never exactly what the encoder would give
PERCEIVED, EVEN = 0.15, 0.05  # weights of the losses beside the pixels' own


# Blocks whose convolutions stay zero, so that only their ReLU is left: at full size, and two of three at
# half size. They would take most of the time of a training on a processor.
RESTING = {"taesd_encoder": (1, 4, 5), "taesd_decoder": (14, 15, 18)}


def train_autoencoder(
    pixels_NHWC: Tensor,
    folder: Path,
    seed: int,
    steps: int = STEPS,
    device: torch.device = CPU,
) -> nn.Module:
    """The host's TAESD after `steps` steps; the latents of its encoder have about mean 0, deviation 1.

    `|x − x̂| + 0.15 · perceptual(x, x̂) + 0.05 · (mean_c² + (deviation_c − 1)²)` on parts of pictures,
    x̂ decoded from latents with a little noise.

    Args:
        pixels_NHWC: uint8.
        folder: for checkpoints; a run that was stopped goes on.
        device: where it learns; the result is on the CPU.
    """
    network = fresh_autoencoder(seed).to(device)
    pixels_NHWC = pixels_NHWC.to(device)
    encode, decode = awake(network, "taesd_encoder"), awake(network, "taesd_decoder")
    perception = Perception(device)

    def loss_of(step: int) -> Tensor:
        random = generator(seed, "autoencoder", step)
        pixels = parts(pixels_NHWC, random).contiguous(memory_format=torch.channels_last)
        latents = encode(pixels)
        deviation, mean = torch.std_mean(latents, dim=(0, 2, 3))
        even = mean.square().mean() + (deviation - 1).square().mean()
        return _lost(decode, latents, pixels, perception, random) + EVEN * even

    learn(network, loss_of, Lesson(folder, steps, OPTIMISER))
    return network.requires_grad_(False).cpu()


def train_decoder(
    network: Any,
    pixels_NHWC: Tensor,
    folder: Path,
    seed: int,
    steps: int,
    device: torch.device = CPU,
) -> nn.Module:
    """The same autoencoder after `steps` more steps of its decoder alone, in which every block is awake.

    `|x − x̂| + 0.15 · perceptual(x, x̂)`; latents stay what they are, so that U-Nets that draw them stay right.

    Args:
        network: of `train_autoencoder`; changed.
        pixels_NHWC, folder, seed, device: see `train_autoencoder`.
    """
    network, pixels_NHWC = network.to(device), pixels_NHWC.to(device)
    encode, decode = awake(network, "taesd_encoder"), network.taesd_decoder
    network.requires_grad_(False)
    decode.requires_grad_(True)
    _wake(decode, generator(seed, "new blocks of the decoder"))
    perception = Perception(device)

    def loss_of(step: int) -> Tensor:
        random = generator(seed, "decoder", step)
        pixels = parts(pixels_NHWC, random).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            latents = encode(pixels)
        return _lost(decode, latents, pixels, perception, random)

    learn(network, loss_of, Lesson(folder, steps, OPTIMISER))
    return network.requires_grad_(False).cpu()


def _lost(
    decode: nn.Module, latents: Tensor, pixels: Tensor, perception: Perception, random: torch.Generator
) -> Tensor:
    """What decoding latents with a little noise leaves wrong in the pixels."""
    noise = normal(latents.shape, random, latents.device)
    decoded = decode(latents + LATENT_NOISE * noise)
    return F.l1_loss(decoded, pixels) + PERCEIVED * perception(decoded, pixels)


def _wake(decoder: Any, random: torch.Generator) -> None:
    """Lets resting blocks learn: random weights but in the last convolution, so that they still add 0."""
    for place in RESTING["taesd_decoder"]:
        for number in (0, 2):
            weight = decoder[place].conv[number].weight
            drawn = torch.randn(weight.shape, generator=random) * 1.4 * weight[0].numel() ** -0.5
            weight.data.copy_(drawn)


def fresh_autoencoder(seed: int) -> nn.Module:
    """Random weights, each block near the identity."""
    from comfy.taesd.taesd import TAESD

    network: Any = TAESD(latent_channels=4).to(memory_format=torch.channels_last)
    random = generator(seed, "new autoencoder")
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.ndim == 4:
                last_of_block = name.endswith("conv.4.weight")
                weight.normal_(
                    0, (0.2 if last_of_block else 1.4) * weight[0].numel() ** -0.5, generator=random
                )
            elif name.endswith("bias"):
                weight.zero_()
        network.vae_scale.fill_(HOST_SCALE)
        network.taesd_decoder[-1].bias.fill_(0.5)
        for part, places in RESTING.items():
            for place in places:
                for weight in getattr(network, part)[place].parameters():
                    weight.zero_().requires_grad_(False)
    network.vae_scale.requires_grad_(False)
    network.vae_shift.requires_grad_(False)
    return network


def awake(network: nn.Module, part: str) -> nn.Sequential:
    """Encoder or decoder without the computations of its resting blocks: the same numbers, sooner."""
    layers = getattr(network, part)
    return nn.Sequential(
        *(nn.ReLU() if place in RESTING[part] else layer for place, layer in enumerate(layers))
    )


def parts(pixels_NHWC: Tensor, random: torch.Generator) -> Tensor:
    """Parts of some pictures, [BATCH, 3, CROP, CROP] in 0..1."""
    count, height, width = pixels_NHWC.shape[:3]
    picked = torch.randint(count, (BATCH,), generator=random)
    tops = torch.randint(height - CROP + 1, (BATCH,), generator=random)
    lefts = torch.randint(width - CROP + 1, (BATCH,), generator=random)
    cut = [pixels_NHWC[i, top : top + CROP, left : left + CROP] for i, top, left in zip(picked, tops, lefts)]
    return torch.stack(cut).movedim(-1, 1).float() / 255


@torch.inference_mode()
def encoded(network: Any, pixels_NHWC: Tensor, batch: int = 16, device: torch.device = CPU) -> Tensor:
    """Latents [N, 4, H / 8, W / 8] of uint8 pictures, as the U-Net sees them."""
    encode = awake(network.to(device), "taesd_encoder")
    rows = []
    for chunk in pixels_NHWC.split(batch):
        pixels = chunk.to(device).movedim(-1, 1).float() / 255
        rows.append(encode(pixels.contiguous(memory_format=torch.channels_last)).cpu())
    return torch.cat(rows)
