"""The forms of sandbox ids and API keys, and the id of the default sandbox."""

from __future__ import annotations

import re

DEFAULT = "default"
IDS = re.compile(r"[A-Za-z0-9_-]{1,64}")  # any other text is no sandbox id, and no service asks the portal about it
KEYS = re.compile(r"lt\.([A-Za-z0-9_-]{1,64})\.([0-9a-f]{32})")  # an API key contains the id of its sandbox
