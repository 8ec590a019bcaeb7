"""The lab's commands import those of scripts/ by plain name."""

import sys
from pathlib import Path

# At the end: scripts/test.py must not hide the standard library's `test`.
sys.path.append(str(Path(__file__).parents[2] / "scripts"))
