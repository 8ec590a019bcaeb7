"""The training benchmark: what is measured against does what the method does, and workers take turns."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training_materials import ROOT, tiny_overrides

# In a process of its own, because the benchmark is not a custom node: it has the repository on its path.
PROGRAM = """
import sys
from pathlib import Path
host, root, *overrides = sys.argv[1:]
sys.path[:0] = [root + "/scripts", root]
from stylecrafter_core.training.host.find import activate

def main():
    activate(Path(host), cpu=True, exact_attention=True)
    import torch
    torch.set_num_threads(1)
    from benchmarks import measure_training
    from stylecrafter_core.adapter.dual_attention import style_attention
    step, samples = measure_training._stepper(
        measure_training.PUBLISHED, measure_training.TINY, overrides, cpu=True
    )
    before = [weight.detach().clone() for weight in step.trained]
    step()
    changed = sum(not torch.equal(a, b) for a, b in zip(before, step.trained))
    print("STEP", samples, len(step.maps), changed)
    print("ROWS", max(float((kept.sum(-1) - 1).abs().max()) for kept in step.maps))
    (site, *_), q = step.model.adapter.site_styles(torch.randn(2, 8, 64)), torch.randn(2, 5, 32)
    site = site._replace(norm_weight=None, norm_bias=None)  # the norm of a new adapter is near zero
    mine, method = step._style_attention(q, site, 4), style_attention(q, site, 4)
    print("DIFFERENCE", float((mine - method).abs().max()))
    with measure_training.worker(Path(host), "ours", measure_training.TINY, overrides) as worker:
        seconds, (peak, loaded) = worker.steps(), worker.memory()
    print("WORKER", worker.samples, seconds, peak, loaded)

if __name__ == "__main__":
    main()
"""


@pytest.mark.launched
def test_the_published_step_is_the_method_and_a_worker_answers(
    host: Any, tiny_materials: Path, tmp_path: Path
) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    overrides = [*tiny_overrides(tiny_materials, tmp_path / "run", "style"), "run.steps=100"]
    done = subprocess.run(
        [sys.executable, str(file), str(host.path), str(ROOT), *overrides],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line[:1].isupper()}
    samples, maps, changed = map(int, said["STEP"])
    assert (samples, maps) == (2, 7), "one map for every site"
    assert changed > 0
    assert float(said["ROWS"][0]) < 1e-5, "attention weights add up to one"
    assert float(said["DIFFERENCE"][0]) < 1e-5
    of_one_step, seconds, peak, loaded = map(float, said["WORKER"])
    assert of_one_step == 2
    assert seconds > 0
    assert peak >= loaded > 1e6
