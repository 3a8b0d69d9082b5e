"""What the views of the console share: the frame, and how a view stays live."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

from fastapi import Response
from fastapi.responses import StreamingResponse

from services.portal.console import peers
from services.portal.console.peers import Health
from services.portal.pages.visits import CitizenVisit
from shared.errors import Refusal
from shared.web.pages import Templates

LOOK_SECONDS = 1.0  # between two looks at what an open view shows
STREAM_SECONDS = 600.0  # then the browser asks again
VIEWS = ("now", "dossiers", "explain", "connectors", "faults", "dead-letters", "contracts", "country")
# What JSON may have as it is, but would act or be lost: controls, line separators, changes of direction.
UNSHOWN = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
Facts = Callable[[], Awaitable[dict[str, Any]]]


def pretty(value: Any) -> str:
    """JSON to read and to edit: what cannot be shown stands as an escape, so that nothing is lost."""
    text = json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace").decode()
    return UNSHOWN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def health_of(visit: CitizenVisit) -> Health:
    state = visit.request.app.state
    if not hasattr(state, "health"):
        state.health = Health()
    return cast(Health, state.health)


async def show(visit: CitizenVisit, view: str, facts: Facts, *, status: int = 200) -> Response:
    """A view: the whole page; or, with `?live`, its part and the clock, each again when it has changed (server-sent events)."""
    template = f"console_{view.replace('-', '_')}.html"
    if "live" in visit.request.query_params:
        return StreamingResponse(_changes(visit, template, facts), media_type="text/event-stream")
    mark = "&" if "?" in visit.path else "?"
    api_key = await peers.api_key(visit.portal, visit.sandbox.id)
    shown = {"api_key": api_key, "view": view, "views": VIEWS, "part": template, "stream": f"{visit.path}{mark}live"}
    return visit.render("console.html", status, **{**shown, **await facts()})


async def _changes(visit: CitizenVisit, template: str, facts: Facts) -> AsyncIterator[bytes]:
    templates = cast(Templates, visit.request.app.state.templates)
    yield b"retry: 2000\n\n"
    shown, stopping = {"part": "", "clock": ""}, visit.portal.stopping
    for _ in range(int(STREAM_SECONDS / LOOK_SECONDS)):
        try:
            again = await visit.again()
            part, clock = templates.part(again, template, **await facts()), templates.part(again, "clock.html")
        except (Refusal, OSError):
            return  # the browser asks again, and gets the page that says why
        for event, html in (("part", part), ("clock", clock)):
            if html != shown[event]:
                lines = b"".join(b"data: %b\n" % line.encode() for line in html.splitlines())
                yield b"event: %b\n%b\n" % (event.encode(), lines)
                shown[event] = html
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await stopping.wait()
        if stopping.is_set():
            return
