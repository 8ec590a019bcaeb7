"""Which parts of the trainer need no ComfyUI, and engines that are refused."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stylecrafter_core.errors import InputError
from stylecrafter_core.training.engine.sharded import ShardedEngine
from stylecrafter_core.training.stop import StopRequest

ROOT = Path(__file__).parents[2]
HOST_FREE = (
    "average",
    "bar",
    "checkpoint",
    "config",
    "data.cache",
    "data.plan",
    "data.samples",
    "data.sets",
    "engine",
    "metrics",
    "objective",
    "optimiser",
    "randomness",
    "run_folder",
    "stop",
)


def test_these_modules_do_not_import_the_host():
    script = f"""
import importlib, sys
for name in {HOST_FREE}:
    importlib.import_module("stylecrafter_core.training." + name)
print([name for name in sys.modules if name.split(".")[0] == "comfy" or "comfy_host" in name])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_fsdp2_without_torchrun(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    with pytest.raises(InputError, match="needs torchrun") as caught:
        ShardedEngine("no", cpu=True)
    assert "torchrun --nproc-per-node" in caught.value.fix


def test_fsdp2_with_a_precision_that_needs_a_scaler():
    with pytest.raises(InputError, match="not run with this precision") as caught:
        ShardedEngine("fp16", cpu=True)
    assert caught.value.found == "engine.precision: fp16"
    assert caught.value.expected == "no or bf16"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_request_and_no_end(number):
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert not stop.wanted
        os.kill(os.getpid(), number)
        assert stop.wanted
    assert signal.getsignal(number) is before


def send(*numbers: signal.Signals) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)


def test_the_second_interrupt_ends_the_process():
    with StopRequest():
        send(signal.SIGINT, signal.SIGTERM, signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


def test_output_that_nobody_reads_any_more_ends_quietly(tmp_path):
    """`train.py inspect FILE | head -1`: more lines than the pipe takes."""
    script = """
import sys
import train
train._inspect = lambda options: print("x\\n" * 10**6) or 0
sys.exit(train.main(["inspect", "a.safetensors"]))
"""
    command = f'"{sys.executable}" -c \'{script}\' | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.split() == ["x", "141"]
    assert done.stderr == ""
