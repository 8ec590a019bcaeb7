"""What the pack adds to the start of the host."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

from environment import ROOT, say

PROGRAM = """
import sys, time
host, root = sys.argv[1:]
sys.path.insert(0, host)
sys.argv = sys.argv[:1]
import comfy.options
comfy.options.enable_args_parsing(False)
from comfy.cli_args import args
import torch
args.cpu = not torch.cuda.is_available()
import asyncio, nodes
asyncio.run(nodes.init_builtin_extra_nodes())  # come first in the host, and bring libraries of their own
start = time.perf_counter()
assert asyncio.run(nodes.load_custom_node(root))
print("SECONDS", time.perf_counter() - start)
"""


def seconds_added(host: Path) -> float:
    """Seconds that a fresh host spends on loading the pack, after its own nodes."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(host), str(ROOT)], check=True, capture_output=True, text=True
    )
    (line,) = (line for line in run.stdout.splitlines() if line.startswith("SECONDS"))
    return float(line.split()[1])


def report(host: Path, rounds: int = 5) -> None:
    """Print the median, the least and the greatest."""
    times = sorted(seconds_added(host) for _ in range(rounds))
    say(
        f"host start-up added by the pack: {statistics.median(times):.3f} s "
        f"({times[0]:.3f} to {times[-1]:.3f}, {rounds} starts)"
    )
