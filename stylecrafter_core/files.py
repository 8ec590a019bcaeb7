"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ENDING = ".partial"


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yields a name beside `path` to write a file or folder under; it becomes `path` when the block succeeds.

    When the block fails, whatever stands under the name is removed and the error goes on unchanged. A process
    that is killed leaves it; see `remove_partial`.
    """
    partial = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex[:8]}{_ENDING}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except BaseException:
        _remove(partial)
        raise


def remove_partial(folder: Path) -> None:
    """Remove what killed processes left half written; for a folder that one process alone writes into."""
    for left in folder.glob(f".*{_ENDING}"):
        _remove(left)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
