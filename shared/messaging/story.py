"""What has happened to a dossier, for its page: the events of both systems that have a copy of it."""

from __future__ import annotations

from typing import Any

from shared import http
from shared.messaging.runtime import MessagingRuntime


async def story_of(runtime: MessagingRuntime[Any], peer_url: str, sandbox_id: str, code: str) -> list[dict[str, Any]]:
    """The events of a dossier in the order in which they happened; if the peer does not reply, only our own."""
    lines = await runtime.timeline(sandbox_id, code)
    try:
        url = f"{peer_url}/_lab/timeline/{code}?page_size=500"
        reply = await http.call(runtime.http, "GET", url, sandbox_id=sandbox_id)
        lines = [*lines, *(reply.json() if reply.status_code == 200 else [])]
    except http.Unreachable:
        pass
    events = [line for line in lines if line["kind"] == "event"]
    return sorted(events, key=lambda line: (str(line["at"]), str(line["real_at"])))
