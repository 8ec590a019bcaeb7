"""`train.py inspect`: what people read about a weight file, and what it says of damaged and foreign ones."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from stylecrafter_core.errors import WeightFileError
from stylecrafter_core.formats import TensorFile, read_adapter, read_temporal, save_adapter, save_temporal
from stylecrafter_core.formats.readers import adapter_of, temporal_of
from stylecrafter_core.training.inspect_file import inspect_file
from stylecrafter_core.training.weight_parts import adapter_sections, temporal_sections
from tests_golden import published

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
