"""Runs the command and waits for its end."""

import os
import subprocess
import sys

PATIENCE = 300  # s; the machine can be busy


def command(
    *words: str, url: str | None, module: str = "lienthong.cli.main", **environment: str
) -> subprocess.CompletedProcess[str]:
    """`url` is the value of LIENTHONG_URL; None: not set."""
    known = {name: value for name, value in os.environ.items() if name != "LIENTHONG_URL"}
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        env={**known, **({"LIENTHONG_URL": url} if url else {}), **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
