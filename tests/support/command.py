"""The command, run to its end against the test stack."""

import os
import subprocess
import sys

from lienthong.embedded.stack import Stack

PATIENCE = 120  # s


def lienthong(*words: str, stack: Stack | None, **environment: str) -> subprocess.CompletedProcess[str]:
    """`stack` is where LIENTHONG_URL points; None: nowhere."""
    url = {} if stack is None else {"LIENTHONG_URL": portal(stack)}
    return subprocess.run(
        [sys.executable, "-m", "lienthong.cli.main", *words],
        env={**os.environ, **url, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def portal(stack: Stack) -> str:
    return stack.urls["portal-api"]
