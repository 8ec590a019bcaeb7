"""The content judge: a small convolutional network that names what a picture shows, whatever its style.

N pictures, C classes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from stylecrafter_core.errors import InputError, WeightFileError
from stylecrafter_core.features.pictures import check_images, rgb_picture
from stylecrafter_core.files import written_whole
from stylecrafter_core.formats.checks import compare
from stylecrafter_core.formats.read import read_tensors

from .augmentation import augmented

SIDE = 64  # pixels
WIDTHS = (24, 48, 80, 112)
BATCH = 64
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.05
SMOOTHING = 0.1
FORMAT = "stylecrafter content classifier 1"


class ContentClassifier(nn.Module):
    """From a picture to one probability for each class; 0.3 million parameters.

    Args:
        classes: their names, in the order of the labels.
    """

    def __init__(self, classes: Sequence[str]):
        super().__init__()
        self.classes = tuple(classes)
        stages: list[nn.Module] = []
        for before, width in zip((3, *WIDTHS), WIDTHS):
            stages += [_convolution(before, width, stride=2), _convolution(width, width, stride=1)]
        self.features = nn.Sequential(*stages)
        self.head = nn.Linear(WIDTHS[-1], len(self.classes))

    def forward(self, pixels_N3SS: Tensor) -> Tensor:
        """Logits [N, C] of pictures as `classifier_input` makes them."""
        features = self.features(pixels_N3SS * 2 - 1)
        return self.head(features.mean(dim=(2, 3)))

    @torch.no_grad()
    def probabilities(self, pictures_NHWC: Tensor) -> Tensor:
        """Softmax over the classes: [N, H, W, 1 to 4] float 0..1 of any size to [N, C], rows sum to 1.

        Raises:
            InputError: no such batch, empty, or with values that are not finite.
        """
        return self(classifier_input(pictures_NHWC)).softmax(dim=1)

    def recognised(self, pictures_NHWC: Tensor, true_N: Tensor) -> Tensor:
        """1.0 where the most probable class is the true one, else 0.0: [N] float, ready for an interval."""
        return (self.probabilities(pictures_NHWC).argmax(dim=1) == true_N).float()


def classifier_input(pictures_NHWC: Tensor) -> Tensor:
    """[N, H, W, 1 to 4] float 0..1 to [N, 3, 64, 64]: the middle square, scaled with antialiasing."""
    check_images(pictures_NHWC)
    pixels = torch.stack([rgb_picture(picture) for picture in pictures_NHWC])
    side = min(pixels.shape[-2:])
    top, left = ((length - side) // 2 for length in pixels.shape[-2:])
    square = pixels[..., top : top + side, left : left + side]
    return F.interpolate(square, size=(SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)


def train_classifier(
    inputs_N3SS: Tensor, labels_N: Tensor, classes: Sequence[str], seed: int, steps: int
) -> ContentClassifier:
    """A classifier trained with colour and texture made unreliable, in evaluation mode.

    Cross-entropy with label smoothing 0.1, AdamW, one rise and fall of the learning rate, batches of 64 drawn
    with replacement. The same arguments give the same network on the same machine.

    Args:
        inputs_N3SS: [N, 3, 64, 64] float, 0..1, from `classifier_input`; unstylised.
        labels_N: [N] integers 0..C − 1.
        classes: C names.
        seed: of the starting weights, of the order and of the augmentation.
        steps: batches to train on; 1 or more.

    Raises:
        InputError: pictures, labels and classes do not fit, or no step.
    """
    _check_training(inputs_N3SS, labels_N, classes, steps)
    rng = torch.Generator().manual_seed(seed)
    classifier = _fresh(classes, seed)
    optimiser = torch.optim.AdamW(classifier.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps + 1)
    for _ in range(steps):
        picks = torch.randint(len(inputs_N3SS), (BATCH,), generator=rng)
        logits = classifier(augmented(inputs_N3SS[picks], rng))
        loss = F.cross_entropy(logits, labels_N[picks], label_smoothing=SMOOTHING)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
    return classifier.eval()


def save_classifier(classifier: ContentClassifier, path: Path) -> None:
    """Writes safetensors with the class names in the header, under a temporary name first."""
    header = {"format": FORMAT, "classes": json.dumps(classifier.classes)}
    with written_whole(path) as unfinished:
        save_file(classifier.state_dict(), unfinished, metadata=header)


def load_classifier(path: Path) -> ContentClassifier:
    """The classifier of a file, in evaluation mode.

    Raises:
        WeightFileError: the file is missing, damaged, or holds something else.
    """
    file = read_tensors(path)
    if file.metadata.get("format") != FORMAT:
        raise WeightFileError(
            f"{path} is not a content classifier.",
            found=file.metadata.get("format", "a file that does not say what it is"),
            expected=FORMAT,
            fix="choose a file that `save_classifier` wrote",
        )
    classifier = ContentClassifier(json.loads(file.metadata["classes"]))
    shapes = {name: tuple(tensor.shape) for name, tensor in classifier.state_dict().items()}
    compare(shapes, file.tensors).raise_unless_complete(path, "content classifier")
    classifier.load_state_dict(file.tensors)
    return classifier.eval()


def _convolution(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(8, after),
        nn.SiLU(),
    )


def _fresh(classes: Sequence[str], seed: int) -> ContentClassifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ContentClassifier(classes)


def _check_training(inputs: Tensor, labels: Tensor, classes: Sequence[str], steps: int) -> None:
    wanted = f"[N, 3, {SIDE}, {SIDE}] float pictures, N whole numbers 0..{len(classes) - 1}, a step or more"
    shapes = f"pictures {list(inputs.shape)} of {inputs.dtype}, labels {list(labels.shape)} of {labels.dtype}"
    pictures_fit = inputs.ndim == 4 and inputs.shape[1:] == (3, SIDE, SIDE) and inputs.is_floating_point()
    labels_fit = labels.shape == inputs.shape[:1] and not labels.is_floating_point() and len(labels) > 0
    if not (pictures_fit and labels_fit):
        found = shapes
    elif not 0 <= int(labels.min()) <= int(labels.max()) < len(classes):
        found = f"labels from {int(labels.min())} to {int(labels.max())}, {len(classes)} classes"
    elif steps < 1:
        found = f"{steps} steps"
    else:
        return
    raise InputError(
        "A content classifier cannot be trained on this.",
        found=found,
        expected=wanted,
        fix="make the pictures with `classifier_input` and number the classes from 0",
    )
