"""A real ComfyUI server as a child process, with folders of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 20.0
NOT_PART_OF_THE_PACK = (".*", "tests", "scripts", "__pycache__", "*.egg-info")
MADE_BY_TRAINING = {"runs", "data"}  # in the pack's own folder


class ServerError(RuntimeError):
    """The server did not start; the message holds the end of its log."""


def place_pack(pack: Path, base: Path) -> Path:
    """Copy the pack into `custom_nodes` of a base folder, as a user would; replaces an earlier copy."""
    target = base / "custom_nodes" / "stylecrafter"
    if target.exists():
        shutil.rmtree(target)
    return Path(shutil.copytree(pack, target, ignore=partial(_left_out, pack)))


def _left_out(pack: Path, folder: str, names: list[str]) -> set[str]:
    """Of the names in a folder of the pack."""
    left_out = shutil.ignore_patterns(*NOT_PART_OF_THE_PACK)(folder, names)
    return left_out | MADE_BY_TRAINING if Path(folder) == pack else left_out


@contextmanager
def serve(
    host: Path,
    base: Path,
    *,
    cpu: bool,
    options: Sequence[str] = (),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[str]:
    """Run the ComfyUI in `host` with models, input, output and custom nodes in `base`.

    Args:
        options: more of the host's own, such as an extra-model-paths-config.
        variables: of its environment, on top of this process's.

    Yields:
        Its address, e.g. "http://127.0.0.1:8188", once it answers. On leaving, that one process is ended.
        What it writes is in `base/server.log`. A request to end this process (SIGTERM) leaves, too: it
        raises KeyboardInterrupt, as Ctrl-C does.

    Raises:
        ServerError: it ended or did not answer in `START_TIMEOUT_S` seconds.
    """
    for folder in ("custom_nodes", "models", "input", "output", "user"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    port = _free_port()
    log_file = base / "server.log"
    with log_file.open("wb") as log, _interrupted_when_asked_to_end():
        command = [*_command(host, base, port, cpu), *options]
        process = subprocess.Popen(
            command, cwd=host, env={**os.environ, **variables}, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_it_answers(process, address, log_file)
            yield address
        finally:
            _stop(process)


@contextmanager
def _interrupted_when_asked_to_end() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _command(host: Path, base: Path, port: int, cpu: bool) -> list[str]:
    # The database lies in the host's own folder unless told otherwise.
    return [
        sys.executable,
        str(host / "main.py"),
        *(["--cpu"] if cpu else []),
        *("--listen", "127.0.0.1", "--port", str(port)),
        *("--base-directory", str(base), "--database-url", f"sqlite:///{base / 'comfyui.db'}"),
        *("--preview-method", "latent2rgb", "--disable-auto-launch"),
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(process: subprocess.Popen[bytes], address: str, log_file: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerError(
                f"ComfyUI ended with code {process.returncode} while starting.\n{_tail(log_file)}"
            )
        try:
            with urllib.request.urlopen(f"{address}/system_stats", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise ServerError(f"ComfyUI did not answer within {START_TIMEOUT_S:.0f} s.\n{_tail(log_file)}")


def _tail(log_file: Path) -> str:
    lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-30:]
    return "\n".join([f"The end of {log_file}:", *lines])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
