"""Names of sandboxes and of what belongs to them: ids, API keys, the default."""

from __future__ import annotations

import re

DEFAULT = "default"
IDS = re.compile(r"[A-Za-z0-9_-]{1,64}")  # anything else names no sandbox and is never asked about
KEYS = re.compile(r"lt\.([A-Za-z0-9_-]{1,64})\.([0-9a-f]{32})")  # an API key says whose it is
