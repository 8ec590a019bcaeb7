"""The benchmark measures the recorded network: its numbers have the right order of size."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from golden_video import GOLDEN

# In a process of its own, because the benchmark is not a custom node: it has the repository on its path.
PROGRAM = """
import sys, time
from pathlib import Path
host, scripts, golden = map(Path, sys.argv[1:])
sys.path.append(str(scripts))
import environment
from stylecrafter_core.training.host.find import activate
activate(host, cpu=True)
import torch
torch.set_num_threads(1)
from benchmarks import measure_gpu, measure_unet
from stylecrafter_core.comfy_host.adapter import HostAdapter
from stylecrafter_core.comfy_host.load import load_video_model
adapter = HostAdapter.from_file(golden / "adapter.pth")
plain = load_video_model(golden / "base.ckpt", None, None)[0]
x = torch.randn(4, 4, 8, 8)
with torch.inference_mode():
    seconds = measure_unet.compare(plain, adapter, x, 5, time.process_time)
    operations = [measure_gpu.pass_operations(plain, x[:n], 24) for n in (2, 4)]
print("RUNS", *(f"{name}:{len(times)}".replace(" ", "_") for name, times in seconds.items()))
print("STEP", *(min(seconds[name]) for name in ("step", "passes of the step", "styled pass", "style terms")))
print("OPERATIONS", *operations)
"""

AGREEMENT = """
import sys
from pathlib import Path
host, scripts, golden = map(Path, sys.argv[1:])
sys.path.append(str(scripts))
import environment
from stylecrafter_core.training.host.find import activate
activate(host, cpu=True)
import torch
torch.set_num_threads(1)
from safetensors.torch import load_file
from benchmarks import measure_agreement, random_weights
recorded = load_file(golden / "expected.safetensors")
base = torch.load(golden / "base.ckpt", weights_only=True)["state_dict"]
base = {name.removeprefix("model.diffusion_model."): tensor for name, tensor in base.items()}
adapter = torch.load(golden / "adapter.pth", weights_only=True)
random_weights.unet_tensors = lambda: base
random_weights.adapter_tensors = lambda: adapter.get("state_dict", adapter)
random_weights.TIMESTEP = int(recorded["t"][0])
given = {name: recorded[name][:1] for name in ("x", "text", "clip_tokens")}
given["clip_tokens"] = given["clip_tokens"][0, :1]
random_weights.inputs = lambda *size: given
for dtype in measure_agreement.DTYPES:
    noise = measure_agreement.predicted_noise(dtype, *given["x"].shape[2:])
    said = measure_agreement.difference(noise, recorded["eps_style_single"][:1])
    print("DIFFERENCE", said.split()[0])
"""


def test_every_precision_is_compared_with_the_recorded_pass(host: Any) -> None:
    command = [
        sys.executable,
        "-c",
        AGREEMENT,
        str(host.path),
        str(GOLDEN.parents[2] / "scripts"),
        str(GOLDEN),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    said = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("DIFFERENCE")]
    single, brain, half = map(float, said)
    assert single < 1e-5 < half < brain < 0.1


def test_the_network_measurements_run(host: Any) -> None:
    scripts = GOLDEN.parents[2] / "scripts"
    command = [sys.executable, "-c", PROGRAM, str(host.path), str(scripts), str(GOLDEN)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    assert "patched and styled over unpatched pass: " in done.stdout
    assert "style terms alone over their pass: " in done.stdout
    assert "dual guidance step over its passes alone: " in done.stdout
    said = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line[:1].isupper()}
    assert dict(run.split(":") for run in said["RUNS"]) == {
        "styled_pass": "5",
        "unpatched_pass": "5",
        "step": "2",
        "watched_pass": "2",
        "passes_of_the_step": "2",
        "style_terms": "2",
    }
    step, passes, styled, terms = map(float, said["STEP"])
    assert step > passes > styled, "a step has three passes and the guidance"
    assert 0 < terms < styled, "the style is a part of its pass"
    two, four = map(float, said["OPERATIONS"])
    assert 1.9 < four / two < 2.5, "twice the frames, a little more for attention along time"
