"""The paintings that the templates open with, put where Load Image finds them."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import folder_paths

from ..stylecrafter_core.files import written_whole

log = logging.getLogger(__name__)

PICTURES = Path(__file__).parents[1] / "workflows" / "pictures"


def place_pictures() -> None:
    """Copy each painting into the host's input folder, unless a file of that name is there.

    A folder that cannot be written is said in the log: the templates then ask for a picture of the user's.
    """
    folder = Path(folder_paths.get_input_directory())
    for picture in sorted(PICTURES.glob("*.jpg")):
        target = folder / picture.name
        if target.exists():
            continue
        try:
            with written_whole(target) as unfinished:
                shutil.copyfile(picture, unfinished)
        except OSError as error:
            log.info("The templates' picture %s was not put into %s: %s", picture.name, folder, error)
            return
