"""YAML files, read by libyaml: ten times as fast as the reader that is written in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read(file: Path) -> Any:
    return yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
