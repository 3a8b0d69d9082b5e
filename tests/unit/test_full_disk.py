"""A disk that takes nothing more: a log line is lost, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")  # every write to it fails as on a full disk
OF_A_ROLE = """
import logging, sys, structlog
from shared.observability import logs
logs.configure_logs("test")
for _ in range(2):
    structlog.get_logger().warning("x" * 100_000)
    logging.getLogger("a").error("y" * 100_000)
print("it goes on", file=sys.stderr)
"""
OF_THE_SUPERVISOR = """
import sys
from lienthong.embedded.parts import note
for _ in range(2):
    note("x" * 100_000)
print("it goes on", file=sys.stderr)
"""


@pytest.mark.parametrize("program", [OF_A_ROLE, OF_THE_SUPERVISOR], ids=["a role", "the supervisor"])
def test_a_line_that_the_disk_does_not_take_ends_nothing(program: str) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert "it goes on" in done.stderr and "Traceback" not in done.stderr, done.stderr
