"""Disk errors in words."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error

from ..errors import MediaError

_NO_SPACE = "Free some space there, or let ComfyUI write elsewhere (--output-directory), then queue again."
_NO_ACCESS = "Let the user that runs ComfyUI write there, or choose another folder (--output-directory)."
_WHAT_TO_DO = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: "Write a shorter or smaller video: the disk or account limits the size of one file.",
    errno.EACCES: _NO_ACCESS,
    errno.EPERM: _NO_ACCESS,
    errno.EROFS: _NO_ACCESS,
    errno.ENOTDIR: "Choose another filename_prefix: a part of the path is a file, not a folder.",
    errno.ENAMETOOLONG: "Choose a shorter filename_prefix.",
    errno.ENOTEMPTY: "Choose another filename_prefix, or remove what is there.",
}
_ELSE = "Look at the disk and the folder; if both are fine, try another format."


@contextmanager
def explain_disk_errors(path: Path) -> Iterator[None]:
    """Turns errors of the disk and the encoders into a MediaError about `path`; every other error passes."""
    try:
        yield
    except (OSError, av.error.FFmpegError, av.codec.codec.UnknownCodecError) as error:
        raise MediaError(
            f"{path} cannot be written: {getattr(error, 'strerror', None) or error}.",
            found=_state_of(path.parent),
            expected="a folder that can be written to, with room for the file",
            fix=_WHAT_TO_DO.get(getattr(error, "errno", None) or 0, _ELSE),
        ) from error


def _state_of(folder: Path) -> str:
    """Free space and permissions of the folder, or of the nearest one above it that exists."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**20
    access = "can be written to" if os.access(folder, os.W_OK) else "this user may not write there"
    return f"{folder}: {free:.0f} MB free, {access}"
