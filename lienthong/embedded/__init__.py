"""The embedded stack: PostgreSQL, Apache Kafka and every service run as child processes, without any setup."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lienthong


class Trouble(Exception):
    """An error that the user can fix; its text is one sentence that says how.

    document  what `--json` prints: the problem document (RFC 9457) of a service that refused
    """

    def __init__(self, text: str, document: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.document = document or {"type": "about:blank", "detail": text, "trouble": text}


def source_root() -> Path:
    """Folder with `services/`, `shared/` and `contracts/`: `_source` inside the wheel, else the repository."""
    package = Path(lienthong.__file__).resolve().parent
    in_wheel = package / "_source"
    return in_wheel if in_wheel.is_dir() else package.parent


def in_repository() -> bool:
    """Whether this is a copy of the repository, whose packages `make setup` installs."""
    return (source_root() / "requirements.txt").exists()


def refuse_without_packages(*modules: str, what: str = "Starting a country") -> None:
    """Raise Trouble if packages that only a stack, or `what`, needs are not installed."""
    if missing := [name for name in modules if find_spec(name) is None]:
        command = "make setup" if in_repository() else "pip install 'lienthong[stack]'"
        raise Trouble(f"{what} needs packages that are not installed ({', '.join(missing)}): {command}")


def cache() -> Path:
    """The user's cache folder, `$XDG_CACHE_HOME/lienthong` or `~/.cache/lienthong`; `lienthong reset` does not delete it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lienthong"
