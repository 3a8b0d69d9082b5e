"""The journey in plain curl (docs/journey.md) works as it is printed."""

import os
import re
import subprocess
from pathlib import Path

from lienthong.sync import Country
from tests.support.command import PATIENCE

PAGE = Path(__file__).parents[2] / "docs" / "journey.md"
AT_LAST = 'curl --silent --request DELETE "$PORTAL/_lab/sandboxes/$SANDBOX"'


def test_the_journey_in_curl_ends_with_a_returned_result(lienthong_sync: Country) -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    script = "\n".join(["set -eo pipefail", *blocks, AT_LAST])
    environment = {**os.environ, "LIENTHONG_URL": lienthong_sync.url}

    done = subprocess.run(
        ["bash"], input=script, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "status 10, fee paid" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].endswith(" 10"), "the timeline ends with the returned result"
