"""Real PostgreSQL, real Apache Kafka and every service as child processes: nothing to administer."""

import os
from pathlib import Path

import lienthong


class Trouble(Exception):
    """Something the person at the keyboard can mend; its text is one plain sentence that says how."""


def house() -> Path:
    """Folder that holds `services/ shared/ contracts/`: carried in the wheel, or the repository itself."""
    package = Path(lienthong.__file__).resolve().parent
    carried = package / "_house"
    return carried if carried.is_dir() else package.parent


def cache() -> Path:
    """Per-user cache folder, kept by `lienthong reset`: `$XDG_CACHE_HOME/lienthong` or `~/.cache/lienthong`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lienthong"
