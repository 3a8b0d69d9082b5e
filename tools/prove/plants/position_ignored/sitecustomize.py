"""Planted bug: the reader ignores its position and applies every event that it reads."""

from importlib import import_module
from typing import Any

lanes = import_module("shared.messaging.lanes")


def judge(position: Any, epoch: int, number: int) -> Any:
    return lanes.Verdict.APPLY


lanes.Position.judge = judge
