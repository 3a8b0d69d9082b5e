"""`--sample`, which `make test-fast` uses: every module of tests/service is started, and nothing else is left out."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICE, UNIT = "tests/service/payment_mock", "tests/unit/test_fees.py"


def test_of_every_service_module_one_test_is_taken_and_all_of_the_others() -> None:
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "--sample", SERVICE, UNIT]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sample = Counter(line.split("::")[0] for line in done.stdout.splitlines() if "::" in line)
    modules = [str(path.relative_to(ROOT)) for path in (ROOT / SERVICE).glob("test_*.py")]
    assert modules and {name: sample[name] for name in modules} == dict.fromkeys(modules, 1)
    assert sample[UNIT] > 1
