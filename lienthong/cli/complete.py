"""What the shell can complete: names from a generated list, scenarios from their folder, sandboxes from the running country.

Loaded with every command line, so it imports nothing that costs time before a shell asks for completion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from typer import Context

Choices = Iterable[tuple[str, str]]  # word, what it is
Completion = Callable[[Context, list[str], str], list[tuple[str, str]]]
PATIENCE = 1.0  # seconds for the portal
SERVICES = ("portal", "gateway")
FORMATS = ("text", "json", "junit", "sarif")
DELIVERY_STATES = ("waiting", "delivered", "given_up")
LEVELS = ("debug", "info", "warning", "error", "critical")


def _completion(choices: Callable[[Context], Choices]) -> Completion:
    def complete(ctx: Context, args: list[str], incomplete: str) -> list[tuple[str, str]]:
        return [(word, text) for word, text in choices(ctx) if word.startswith(incomplete)]

    return complete


def _generated(kind: str) -> Completion:
    return _completion(lambda ctx: _words(kind))


def _words(kind: str) -> Choices:
    return words(kind).items()


def words(kind: str) -> dict[str, str]:
    """The generated words of a kind, each with what it is."""
    import json

    known: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
    return known[kind]


def listed(kind: str) -> str:
    """The words of a kind for a help text: `kafka, webhook, pull, legacy`."""
    return ", ".join(words(kind))


def _scenarios(ctx: Context) -> Choices:
    folder = Path(__file__).parents[1] / "scenarios" / "ready"
    return [(path.stem, "") for path in sorted(folder.glob("*.yaml"))]


def _rows(ctx: Context, path: str) -> list[dict[str, Any]]:
    """A list of the running country; empty if none runs."""
    import json
    import os
    from urllib.request import ProxyHandler, build_opener

    url = ctx.params.get("url") or os.environ.get("LIENTHONG_URL") or "http://127.0.0.1:8000"
    direct = build_opener(ProxyHandler({}))  # ignores the environment's proxy
    try:
        with direct.open(f"{url.rstrip('/')}{path}", timeout=PATIENCE) as response:
            rows = json.load(response)
    except (OSError, ValueError):
        return []
    return rows if isinstance(rows, list) else []


def _sandboxes(ctx: Context) -> Choices:
    return [(row["id"], str(row.get("name") or row.get("seed"))) for row in _rows(ctx, "/_lab/sandboxes?page_size=500")]


def _rules(ctx: Context) -> Choices:
    import os

    sandbox = ctx.params.get("sandbox") or os.environ.get("LIENTHONG_SANDBOX") or "default"
    return [(row["id"], row["fault"]) for row in _rows(ctx, f"/_lab/sandboxes/{sandbox}/faults")]


def _modes_of_provinces(ctx: Context) -> Choices:
    """`37=manual`, for the option --mode of a new sandbox."""
    return [(f"{code}={mode}", name) for code, name in _words("provinces") for mode, _ in _words("modes")]


faults = _generated("faults")
families = _generated("families")
events = _generated("events")
states = _generated("states")
provinces = _generated("provinces")
modes = _generated("modes")
tempos = _generated("tempos")
doors = _generated("doors")
profiles = _generated("profiles")
gates = _generated("gates")
scenarios = _completion(_scenarios)
sandboxes = _completion(_sandboxes)
rules = _completion(_rules)
modes_of_provinces = _completion(_modes_of_provinces)
services = _completion(lambda ctx: [(name, "") for name in SERVICES])
delivery_states = _completion(lambda ctx: [(name, "") for name in DELIVERY_STATES])
levels = _completion(lambda ctx: [(name, "") for name in LEVELS])
formats = _completion(lambda ctx: [(name, "") for name in FORMATS])
languages = _completion(lambda ctx: [("vi", "tiếng Việt"), ("en", "English")])
