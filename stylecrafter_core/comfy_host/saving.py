"""Saving as the host does it: where files go, whether the workflow may go into them, the node's bar."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import comfy.model_management
import comfy.utils
import folder_paths
from comfy.cli_args import args

from ..errors import InputError
from ..media import explain_disk_errors


@dataclass(frozen=True)
class SavePlace:
    """A free name in the output or temp folder.

    Args:
        path: absolute, not yet there.
        root: the output or temp folder it is in, or seems to be in: a folder on the way may be a link.
        type: "output" or "temp", the host's word for that folder.
    """

    path: Path
    root: Path
    type: str

    def reference(self, file: Path) -> dict[str, str]:
        """How the web page asks for a file at or below `path`."""
        subfolder = file.parent.relative_to(self.root).as_posix()
        return {"filename": file.name, "subfolder": "" if subfolder == "." else subfolder, "type": self.type}


@contextmanager
def reserved_save_place(
    filename_prefix: str, extension: str, *, width: int, height: int, keep: bool
) -> Iterator[SavePlace]:
    """The next counted name for a prefix, which may hold folders and the host's %width%, %year% and so on.

    Nobody else gets the name while the block runs, other ComfyUI processes that share the folder included:
    a hidden file beside it, which only one process can make, says that it is taken.

    Args:
        filename_prefix: as typed by the user.
        extension: with its dot; empty for a folder.
        width, height: of the frames in pixels, for the prefix.
        keep: in the output folder; else in the temp folder, which the host empties.

    Raises:
        InputError: the prefix cannot be a file's name.
        MediaError: the folder cannot be read or made.
    """
    _check_prefix(filename_prefix)
    # Not resolved: the host and the page speak of folders by the names that lead to them.
    root = Path(folder_paths.get_output_directory() if keep else folder_paths.get_temp_directory()).absolute()
    with explain_disk_errors(root / filename_prefix):
        folder, name, first, _, _ = folder_paths.get_save_image_path(
            filename_prefix, str(root), width, height
        )
        folder = Path(os.path.abspath(folder))
        path, reservation = next(filter(None, (_reserve(folder, name, n, extension) for n in count(first))))
    try:
        yield SavePlace(path, root, "output" if keep else "temp")
    finally:
        reservation.unlink(missing_ok=True)


def _reserve(folder: Path, name: str, number: int, extension: str) -> tuple[Path, Path] | None:
    """The name with that number and the file that reserves it; None if it is taken."""
    path = folder / f"{name}_{number:05}_{extension}"
    reservation = folder / f".{number:05}.{name[:40]}.{extension.lstrip('.')}.reserved"
    try:
        reservation.open("x").close()
    except FileExistsError:
        return None
    if not path.exists():
        return path, reservation
    reservation.unlink(missing_ok=True)  # it was written between the counting and now
    return None


def _check_prefix(filename_prefix: str) -> None:
    """The host takes any text; half a surrogate pair and a zero byte are in no file's name."""
    writable = filename_prefix.encode(errors="ignore").decode() == filename_prefix
    if not writable or "\0" in filename_prefix:
        raise InputError(
            "The input `filename_prefix` cannot be a file's name.",
            found=ascii(filename_prefix),
            expected="text without zero bytes and without half surrogate pairs",
            fix="type the prefix again",
        )


def metadata_allowed() -> bool:
    """False when the host was started with --disable-metadata."""
    return not args.disable_metadata


def progress_bar(total: int) -> Callable[[int], None]:
    """A function to call with the number of steps done: it moves the node's bar.

    It raises the host's InterruptProcessingException when the user has pressed stop, server or not.
    """
    bar = comfy.utils.ProgressBar(total)

    def show(done: int) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(done)

    return show
