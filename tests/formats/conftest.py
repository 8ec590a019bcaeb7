"""Golden files and the published key lists, the latter as tensors without storage."""

import json
from pathlib import Path

import pytest
import torch

GOLDEN = Path(__file__).parents[1] / "golden"


def published(file_name, title):
    shapes = next(
        value for key, value in json.loads((GOLDEN / file_name).read_text()).items() if key.startswith(title)
    )
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


@pytest.fixture
def golden():
    return GOLDEN


@pytest.fixture(scope="session")
def published_unet():
    """The 1,196 tensors of the video U-Net at full size, without prefix."""
    return published("official_video_keys.json", "videocrafter_unet")


@pytest.fixture(scope="session")
def published_video_adapter():
    return published("official_video_keys.json", "videocrafter_adapter")


@pytest.fixture(scope="session")
def published_sdxl_adapter():
    return published("official_sdxl_keys.json", "stylecrafter_sdxl_adapter")
