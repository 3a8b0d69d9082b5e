"""The adapter API that provincial systems have spoken for ten years: one flat JSON envelope with `service`, a session, odd types.

Its facts are in docs/legacy.md, each with a mark that says how it is known (`EVIDENCE`). Nothing here is an official
specification: none is public.
"""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "services"  # a schema for each service

# Mark of a field → how it is known.
EVIDENCE = {
    "V": "read in public code or documents",
    "D": "from an excerpt of a public document",
    "S": "secondary: a summary, a picture",
    "G": "a guess of ours",
    "W": "seen on the wire, from unmodified programs",
}


@cache
def services() -> tuple[str, ...]:
    """The names of all services, in alphabetical order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))
