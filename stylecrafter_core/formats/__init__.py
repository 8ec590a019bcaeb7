"""Weight files in and out: published and own formats, recognised by their content."""

from ..tensor_names import count_numbered, shape_of
from .checks import KeyReport, check_values, compare, expected_adapter_shapes, expected_temporal_shapes
from .detect import Kind, detect, is_video_base
from .official_temporal import temporal_for_saving, temporal_to_official
from .own import save_adapter, save_temporal
from .read import TensorFile, read_tensors
from .readers import (
    AdapterFile,
    TemporalFile,
    adapter_to_official,
    keys_are_zero,
    read_adapter,
    read_temporal,
    read_video_base,
)
from .video_base import VideoBase

__all__ = [
    "AdapterFile",
    "KeyReport",
    "Kind",
    "TemporalFile",
    "TensorFile",
    "VideoBase",
    "adapter_to_official",
    "check_values",
    "compare",
    "count_numbered",
    "detect",
    "expected_adapter_shapes",
    "expected_temporal_shapes",
    "is_video_base",
    "keys_are_zero",
    "read_adapter",
    "read_temporal",
    "read_tensors",
    "read_video_base",
    "save_adapter",
    "save_temporal",
    "shape_of",
    "temporal_for_saving",
    "temporal_to_official",
]
