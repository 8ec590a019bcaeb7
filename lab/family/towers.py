"""The small family's CLIP: open_clip's text and vision tower, trained against each other on our pictures.

N pictures, [N, H, W, 3]; D = 64 numbers of the shared space.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylecrafter_core.features.pictures import normalise
from stylecrafter_core.training.config.schema import Optimiser
from stylecrafter_core.training.randomness import generator

from .learning import Lesson, learn, normal

CPU = torch.device("cpu")
STEPS = 2000
BATCH = 96
OPTIMISER = Optimiser(lr=1e-3, schedule="cosine", warmup_steps=100, args={"weight_decay": 0.01})
DIMENSION = TEXT_WIDTH = 64
VISION_WIDTH, PATCH, VISION_SIDE = 128, 16, 112
TEXT_LAYERS, VISION_LAYERS = 2, 3  # that learn
SMALLEST_PART = 0.6  # of a picture's side that the vision tower sees in training
LOCAL = 0.5  # weight of the same loss for the mean of the local tokens
COLOUR_NOISE = 0.02


def fresh_towers(seed: int) -> nn.Module:
    """open_clip's model class with new weights."""
    from open_clip.model import CLIP

    vision = {
        "image_size": VISION_SIDE,
        "patch_size": PATCH,
        "width": VISION_WIDTH,
        "layers": VISION_LAYERS,
        "head_width": 64,
    }
    text = {"context_length": 77, "vocab_size": 49408, "width": TEXT_WIDTH, "heads": 1, "layers": TEXT_LAYERS}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLIP(embed_dim=DIMENSION, vision_cfg=vision, text_cfg=text)


def train_towers(
    pixels_NHWC: Tensor,
    texts: Sequence[Sequence[str]],
    folder: Path,
    seed: int,
    steps: int = STEPS,
    device: torch.device = CPU,
) -> nn.Module:
    """Both towers after `steps` steps of CLIP's symmetric cross-entropy.

    The mean of the local image tokens is held to the same texts, at half the weight: style adapters read all
    tokens, and the class token alone would leave those of the last layer to chance. In the end rows of the
    vocabulary that no text has are zero, and the text tower has one more layer, which changes nothing: U-Nets
    read the state before the last layer.

    Args:
        pixels_NHWC: uint8.
        texts: for every picture some texts, of which each step takes one.
        folder: for checkpoints; a run that was stopped goes on.
        device: where they learn; the result is on the CPU.
    """
    network: Any = fresh_towers(seed).to(device)
    pixels_NHWC = pixels_NHWC.to(device)
    tokens = tokenised(texts)

    def loss_of(step: int) -> Tensor:
        random = generator(seed, "towers", step)
        picked = torch.randperm(len(pixels_NHWC), generator=random)[:BATCH]
        said = torch.stack([_one_of(tokens[i], random) for i in picked.tolist()]).to(device)
        text = F.normalize(network.encode_text(said), dim=1)
        class_token, local = image_tokens(network, vision_input(pixels_NHWC[picked.to(device)], random))
        scale = network.logit_scale.clamp(max=4.6).exp()
        return contrast(class_token, text, scale) + LOCAL * contrast(local, text, scale)

    learn(network, loss_of, Lesson(folder, steps, OPTIMISER))
    network.cpu()
    _forget_unused_words(network, tokens)
    _append_idle_layer(network)
    return network.requires_grad_(False)


def tokenised(texts: Sequence[Sequence[str]]) -> list[Tensor]:
    """Token ids [texts, 77] of every picture."""
    from open_clip import SimpleTokenizer

    tokenizer = SimpleTokenizer(context_length=77)
    known: dict[str, Tensor] = {}
    for text in {text for several in texts for text in several}:
        known[text] = tokenizer([text])[0]
    return [torch.stack([known[text] for text in several]) for several in texts]


def image_tokens(network: Any, pixels_N3SS: Tensor) -> tuple[Tensor, Tensor]:
    """The class token and the mean of the local ones in the shared space, [N, D] of length 1 each."""
    visual = network.visual
    visual.output_tokens = True
    pooled, local = visual(pixels_N3SS)
    visual.output_tokens = False
    mean = visual.ln_post(local).mean(dim=1) @ visual.proj
    return F.normalize(pooled, dim=1), F.normalize(mean, dim=1)


def contrast(images_ND: Tensor, texts_ND: Tensor, scale: Tensor) -> Tensor:
    """CLIP's loss: the mean of cross-entropies over pictures and over texts, of scale · cos(image, text)."""
    with torch.autocast(images_ND.device.type, enabled=False):  # bfloat16 would round the logits to quarters
        logits = scale * images_ND.float() @ texts_ND.float().T
        true = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, true) + F.cross_entropy(logits.T, true)) / 2


def vision_input(pixels_NHWC: Tensor, random: torch.Generator) -> Tensor:
    """Random parts of the pictures, [N, 3, 112, 112] normalised; one size for the batch, own places."""
    side = pixels_NHWC.shape[1]
    part = int(torch.randint(round(SMALLEST_PART * side), side + 1, (), generator=random))
    places = torch.randint(side - part + 1, (len(pixels_NHWC), 2), generator=random).tolist()
    cut = [row[y : y + part, x : x + part] for row, (y, x) in zip(pixels_NHWC, places)]
    pixels = torch.stack(cut).movedim(-1, 1).float() / 255
    pixels = F.interpolate(pixels, size=(VISION_SIDE,) * 2, mode="bilinear", antialias=True)
    return normalise(pixels + COLOUR_NOISE * normal(pixels.shape, random, pixels.device))


def _one_of(tokens_KL: Tensor, random: torch.Generator) -> Tensor:
    return tokens_KL[int(torch.randint(len(tokens_KL), (), generator=random))]


def _forget_unused_words(network: Any, tokens: list[Tensor]) -> None:
    used = torch.cat([several.flatten() for several in tokens]).unique()
    seen = torch.zeros(network.token_embedding.weight.shape[0], dtype=torch.bool)
    seen[used] = True
    with torch.no_grad():
        network.token_embedding.weight[~seen] = 0


def _append_idle_layer(network: Any) -> None:
    layers = network.transformer.resblocks
    idle = copy.deepcopy(layers[-1])
    with torch.no_grad():
        for weight in idle.parameters():
            weight.zero_()
    layers.append(idle)
