"""How different two pictures look, by the features of the style network's encoder (VGG-19)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..styles.adain import ENCODER, convolution, network

# Up to relu3_1, and the layers whose features are compared: relu1_1, relu2_1, relu3_1.
LAYERS, COMPARED = ENCODER[:7], (2, 9, 16)


class Perception:
    """`mean_l ( mean |f_l(x) − f_l(y)| / mean |f_l(y)| + ‖G_l(x) − G_l(y)‖ / ‖G_l(y)‖ )` over three layers l.

    G_l are the features' products among channels, averaged over the picture: texture without its place.
    """

    def __init__(self, device: torch.device) -> None:
        self.weights = {name: weight.to(device) for name, weight in network().items()}

    def __call__(self, made: Tensor, true: Tensor) -> Tensor:
        """The difference of pictures [N, 3, H, W] in 0..1; gradients reach `made`."""
        with torch.no_grad():
            wanted = self._features(true)
        differences = [
            (ours - theirs).abs().mean() / theirs.abs().mean() + _relative(_products(ours), _products(theirs))
            for ours, theirs in zip(self._features(made), wanted)
        ]
        return torch.stack(differences).mean()

    def _features(self, pixels: Tensor) -> list[Tensor]:
        result = F.conv2d(pixels, self.weights["encoder.0.weight"], self.weights["encoder.0.bias"])
        found = []
        for layer in LAYERS:
            if layer == "half":
                result = F.max_pool2d(result, 2, ceil_mode=True)
                continue
            result = F.relu(convolution(self.weights, f"encoder.{layer}", result))
            if layer in COMPARED:
                found.append(result)
        return found


def _products(features_NCHW: Tensor) -> Tensor:
    flat = features_NCHW.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[-1]


def _relative(ours: Tensor, theirs: Tensor) -> Tensor:
    """Mean over pictures of the distance relative to the length."""
    distance = (ours - theirs).flatten(1).norm(dim=1)
    return (distance / theirs.flatten(1).norm(dim=1).clamp_min(1e-6)).mean()
