"""Which ComfyUI to use, whether it is new enough, and how to use it inside this process."""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path

from ...errors import HostError

MIN_HOST = (0, 3, 52)
PINNED_HOST = "ComfyUI-0.3.75"
HOST_PARTS = ("main.py", "nodes.py", "comfy")

log = logging.getLogger(__name__)

_pack = Path(__file__).absolute().parents[3]


def find_host(pack: Path = _pack) -> Path:
    """The ComfyUI folder to use: `COMFYUI_PATH`, else the one the pack stands in, else the pinned one.

    Args:
        pack: folder of this pack; it stands in a ComfyUI when its parent is `<ComfyUI>/custom_nodes`.

    Raises:
        HostError: `COMFYUI_PATH` holds no ComfyUI, or none of the three places does.
    """
    named = os.environ.get("COMFYUI_PATH")
    if named:
        return _named_host(Path(named).expanduser().absolute())
    around, pinned = pack.parent.parent, pack / ".host" / PINNED_HOST
    if pack.parent.name == "custom_nodes" and is_host(around):
        return around
    if is_host(pinned):
        return pinned
    raise HostError(
        "No ComfyUI was found.",
        found=f"COMFYUI_PATH is not set, {around} is not a ComfyUI with this pack in custom_nodes, "
        f"and {pinned} is not there",
        fix="set COMFYUI_PATH to your ComfyUI folder (the one with main.py in it), or run scripts/demo.py "
        "once, which fetches one",
    )


def is_host(path: Path) -> bool:
    """Whether the folder looks like a ComfyUI of any age."""
    return all((path / part).exists() for part in HOST_PARTS)


def host_version(path: Path) -> tuple[int, int, int]:
    """The version that `comfyui_version.py` states, read as text: nothing of the host is run.

    Raises:
        HostError: the file is not there, or states no version.
    """
    file = path / "comfyui_version.py"
    fix = f"update ComfyUI to {_dotted(MIN_HOST)} or newer, or set COMFYUI_PATH to another ComfyUI"
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise HostError(
            f"The version of the ComfyUI in {path} cannot be read.",
            found=f"{file}: {error.strerror or error}",
            expected="a ComfyUI that states its version in comfyui_version.py",
            fix=fix,
        ) from error
    match = re.search(r"""^__version__\s*=\s*["']v?(\d+)\.(\d+)\.(\d+)""", text, re.MULTILINE)
    if match is None:
        raise HostError(
            f"The version of the ComfyUI in {path} cannot be read.",
            found=f'no line of the form __version__ = "1.2.3" in {file}',
            fix=fix,
        )
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch)


def check_version(path: Path) -> tuple[int, int, int]:
    """The host's version, if it is one this pack is tested on or newer.

    Raises:
        HostError: it is older than `MIN_HOST`, or states no version.
    """
    version = host_version(path)
    if version < MIN_HOST:
        raise HostError(
            f"The ComfyUI in {path} is too old for StyleCrafter.",
            found=f"ComfyUI {_dotted(version)}",
            expected=f"ComfyUI {_dotted(MIN_HOST)} or newer",
            fix="update ComfyUI, or set COMFYUI_PATH to a newer one",
        )
    return version


def activate(
    path: Path,
    *,
    cpu: bool | None = None,
    base_directory: Path | None = None,
    exact_attention: bool = False,
) -> None:
    """Make the host importable in this process, without its server and its command line.

    Call it before anything of the host is imported: the host fixes its device and folders at import.

    Args:
        path: the ComfyUI folder.
        cpu: compute on the CPU; None does so where torch finds no accelerator (the host would stop there).
        base_directory: where models, input, output, temp and user folders are; None is the ComfyUI folder.
        exact_attention: always PyTorch's own attention, which has a gradient and gives the same bits each
            time; else what the host prefers, which on the CPU cuts the work up by the memory that is free.

    Raises:
        HostError: too old, or another ComfyUI is already imported in this process.
    """
    check_version(path)
    _refuse_second_host(path)
    # First on the path: the host's module `nodes` must win over this pack's folder of that name.
    sys.path.insert(0, str(path))
    import comfy.options

    comfy.options.enable_args_parsing(False)
    from comfy.cli_args import args

    args.use_pytorch_cross_attention = args.use_pytorch_cross_attention or exact_attention
    args.cpu = not _has_accelerator() if cpu is None else cpu
    if base_directory is not None:
        args.base_directory = str(base_directory)
    log.info("Using the ComfyUI in %s%s", path, " on the CPU" if args.cpu else "")


def _named_host(path: Path) -> Path:
    """The folder that COMFYUI_PATH names, or words about what is wrong with it."""
    if is_host(path):
        return path
    missing = [part for part in HOST_PARTS if not (path / part).exists()]
    inner = path / "ComfyUI"
    right = str(inner) if is_host(inner) else "your ComfyUI folder, the one with main.py in it"
    raise HostError(
        "COMFYUI_PATH does not name a ComfyUI folder.",
        found=f"{path}: " + (f"no {', '.join(missing)} in it" if path.is_dir() else "no such folder"),
        expected=f"a folder with {', '.join(HOST_PARTS)}",
        fix=f"set COMFYUI_PATH to {right}, or unset it to use a pinned ComfyUI",
    )


def _refuse_second_host(path: Path) -> None:
    """Two ComfyUIs cannot share a process: their modules have the same names."""
    loaded = getattr(sys.modules.get("comfy.cli_args"), "__file__", None)
    if loaded is None:
        return
    raise HostError(
        "A ComfyUI is already imported in this process.",
        found=loaded,
        expected=f"none yet, so that {path} can be set up",
        fix="activate one host, once, before anything of it is imported",
    )


def _has_accelerator() -> bool:
    """Whether torch can compute anywhere but on the CPU."""
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available() or torch.xpu.is_available()


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
