"""A Chromium for the tests of the page: one that is there, else Debian's, installed where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from environment import SetupError, say

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = ("update", "install -y --no-install-recommends chromium fonts-noto-cjk")  # of apt-get
INSTALL_TIMEOUT_S = 600


def chromium() -> Path:
    """The browser.

    Raises:
        SetupError: there is none, and none can be installed; says why.
    """
    found = _found()
    if found is None and _may_install():
        say("Installing Chromium (apt-get, about 350 MB)")
        _install()
        found = _found()
    if found is None:
        raise SetupError(
            "There is no Chromium.",
            found=f"none of {', '.join(NAMES)}",
            expected="a Chromium, or root on a Debian or Ubuntu, where it is installed",
            fix="install the package chromium",
        )
    return found


def _found() -> Path | None:
    return next((Path(path) for path in map(shutil.which, NAMES) if path), None)


def _may_install() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install() -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in INSTALL:
        try:
            done = subprocess.run(
                ["apt-get", "-q", *arguments.split()],
                env=quiet,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=INSTALL_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise _not_installed(f"no end after {INSTALL_TIMEOUT_S} s") from error
        if done.returncode != 0:
            raise _not_installed("\n".join((done.stderr or done.stdout).strip().splitlines()[-4:]))


def _not_installed(found: str) -> SetupError:
    return SetupError(
        "Chromium cannot be installed.",
        found=f"apt-get: {found}",
        expected="a registry of packages that answers",
        fix="connect to the network, or install the package chromium by hand",
    )
