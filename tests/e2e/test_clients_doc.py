"""The recipes of docs/clients.md work as printed: a stock library signs in, unchanged."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lienthong.sync import Country, Sandbox
from tests.support.command import PATIENCE

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
RECIPES = re.findall(r"^### (\w+).*?^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("place", ["default", "frozen"])
@pytest.mark.parametrize(("library", "program"), RECIPES, ids=[library for library, _ in RECIPES])
def test_a_stock_library_signs_in(
    lienthong_sync: Country, sandbox_sync: Sandbox, library: str, program: str, place: str
) -> None:
    sandbox = sandbox_sync.id if place == "frozen" else "default"
    environment = {**os.environ, "LIENTHONG_URL": lienthong_sync.url, "SANDBOX": sandbox}

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " Lan signed in and has " in done.stdout
