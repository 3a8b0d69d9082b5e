"""The order of arguments: the code of a dossier comes first in every method."""

from __future__ import annotations

import re
import warnings
from typing import TypeVar

Name = TypeVar("Name", bound=str)
# An event, a move or a service. The code of a dossier has digits and hyphens.
NAME = re.compile(r"[a-z_]+(\.[a-z_]+\.v[0-9]+)?")


def code_first(code: str, name: Name, method: str) -> tuple[str, Name]:
    """`code` and `name`; in the other order, which older versions had, they are exchanged, with a warning."""
    if not NAME.fullmatch(code) or NAME.fullmatch(name):
        return code, name
    warnings.warn(f"{method}: the code of the dossier comes first, then '{code}'.", FutureWarning, stacklevel=3)
    return name, code  # type: ignore[return-value]
