"""`compare` with a fake ComfyUI, as a process that can be killed.

Arguments: --out, --set, log of the fake, its line to die at (0: none), workflows.
"""

import sys
from pathlib import Path

from fake_host import fake_running_host

from lab.evaluation import comparing
from lab.evaluation.metric_choice import Chosen
from lab.evaluation.shards import this_shard
from lab.evaluation.test_set import read_test_set
from stylecrafter_core.metrics import Copies

if __name__ == "__main__":
    out, test_set, log, dies_at, *workflows = sys.argv[1:]
    comparing.running_host = fake_running_host(Path(log), dies_at=int(dies_at))
    run = comparing.Run(Path(out), 7, {}, None, None, this_shard(), print)
    pairs = read_test_set(Path(test_set))
    comparing.compare(run, workflows, pairs, Chosen((Copies(),), {}), rows=3)
