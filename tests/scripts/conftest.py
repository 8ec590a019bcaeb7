"""The scripts import each other by plain name, as Python does when one of them is run."""

import sys
from pathlib import Path

# At the end: scripts/test.py must not hide the standard library's `test`.
sys.path.append(str(Path(__file__).parents[2] / "scripts"))
