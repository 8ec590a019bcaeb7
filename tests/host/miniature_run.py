"""`lab/miniature.py` in a process of its own, without its set-up: `… HOST ARGUMENTS`; 2: refused."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "scripts"), str(ROOT)]


def main(host: Path, arguments: list[str]) -> int:
    from lab import miniature
    from stylecrafter_core.errors import InputError

    try:
        miniature.compare(host, miniature.arguments_of(arguments))
    except InputError as error:
        sys.stderr.write(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
