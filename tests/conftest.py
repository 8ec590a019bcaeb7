"""Core tests import `stylecrafter_core` from the root; host tests load the pack as the host does."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

if "STYLECRAFTER_TEST_HOST" not in os.environ:
    sys.path.insert(0, str(ROOT))
