"""Where this machine's Chromium is."""

from __future__ import annotations

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium is installed (Debian, Ubuntu: apt-get install chromium)"


def path() -> str:
    """Path of the program; empty if there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), "")
