"""The model files that a node offers, and what to say when a chosen one is not there."""

from __future__ import annotations

from pathlib import Path

import folder_paths

from ..stylecrafter_core.errors import WeightFileError

FOLDER = "stylecrafter"
NONE = "none"


def register_folder() -> None:
    """Tell the host of `models/stylecrafter`; what extra_model_paths.yaml gave stays."""
    folder_paths.add_model_folder_path(FOLDER, str(Path(folder_paths.models_dir) / FOLDER))
    paths, _ = folder_paths.folder_names_and_paths[FOLDER]
    folder_paths.folder_names_and_paths[FOLDER] = (paths, folder_paths.supported_pt_extensions)


def choices(folder: str) -> list[str]:
    """Files in a model folder of the host."""
    return folder_paths.get_filename_list(folder)


def missing(**chosen: tuple[str, str | None]) -> str | bool:
    """The host's answer to "are these inputs valid": True, or words about the first file that is not there.

    Args:
        chosen: input name → (folder, file name; "none", or None where the input is connected).
    """
    for input_name, (folder, name) in chosen.items():
        if name not in (None, NONE) and folder_paths.get_full_path(folder, name) is None:
            return str(_missing(input_name, folder, name))
    return True


def path_of(input_name: str, folder: str, name: str | None) -> Path:
    """Where a chosen file lies.

    Raises:
        WeightFileError: it is not there, or no name was given; names the folders that were searched.
    """
    path = folder_paths.get_full_path(folder, name) if isinstance(name, str) else None
    if path is None:
        raise _missing(input_name, folder, name)
    return Path(path)


def _missing(input_name: str, folder: str, name: str | None) -> WeightFileError:
    searched = ", ".join(folder_paths.get_folder_paths(folder))
    there = choices(folder)
    return WeightFileError(
        f"{input_name}: the file {name} is not there." if name else f"{input_name}: no file is chosen.",
        found=f"{', '.join(there[:5]) or 'no file'}{' ...' if len(there) > 5 else ''} in {searched}",
        expected=f"{name or 'the name of a file'} in that folder",
        fix="put the file there (the README says where it is published), or choose another one",
    )
