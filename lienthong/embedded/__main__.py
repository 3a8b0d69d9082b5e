"""`python -P -m lienthong.embedded`: the supervisor, as `Stack` starts it."""

import sys

sys.modules["ssl"] = None  # type: ignore[assignment]  # asyncio does without it, and it takes 1 MB

from lienthong.embedded.supervisor import run  # noqa: E402

run()
