"""Where the host keeps files, and whether it may write the workflow into them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import folder_paths
from comfy.cli_args import args

from ..media import explain_disk_errors


@dataclass(frozen=True)
class SavePlace:
    """A free name in the output or temp folder.

    Args:
        path: absolute, not yet there.
        root: the output or temp folder it is in.
        type: "output" or "temp", the host's word for that folder.
    """

    path: Path
    root: Path
    type: str

    def reference(self, file: Path) -> dict[str, str]:
        """How the web page asks for a file at or below `path`."""
        subfolder = file.parent.relative_to(self.root).as_posix()
        return {"filename": file.name, "subfolder": "" if subfolder == "." else subfolder, "type": self.type}


def next_save_place(
    filename_prefix: str, extension: str, *, width: int, height: int, keep: bool
) -> SavePlace:
    """The next counted name for a prefix, which may hold folders and the host's %width%, %year% and so on.

    Args:
        filename_prefix: as typed by the user.
        extension: with its dot; empty for a folder.
        width, height: of the frames in pixels, for the prefix.
        keep: in the output folder; else in the temp folder, which the host empties.

    Raises:
        MediaError: the folder cannot be read or made.
    """
    root = folder_paths.get_output_directory() if keep else folder_paths.get_temp_directory()
    with explain_disk_errors(Path(root) / filename_prefix):
        folder, name, counter, _, _ = folder_paths.get_save_image_path(filename_prefix, root, width, height)
    path = Path(folder).resolve() / f"{name}_{counter:05}_{extension}"
    return SavePlace(path, Path(root).resolve(), "output" if keep else "temp")


def metadata_allowed() -> bool:
    """False when the host was started with --disable-metadata."""
    return not args.disable_metadata
