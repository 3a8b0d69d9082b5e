"""Middleware that records calls for a later replay, before their response is sent; see `shared.sandbox.recording`."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime import Runtime
from shared.sandbox import recording
from shared.sandbox.names import DEFAULT
from shared.web.buffered_response import BufferedResponse
from shared.web.request_facts import claims_of, sandbox_of


class Recorder:
    """Passes every request on. Records a request that the pattern `Runtime.records` selects, once it has succeeded."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app, self._runtime = app, runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        records = self._runtime.records
        is_selected = records is not None and records.fullmatch(f"{scope['method']} {scope['path']}") is not None
        sandbox_id = sandbox_of(scope, self._runtime) if is_selected else DEFAULT
        if sandbox_id == DEFAULT:
            await self._app(scope, receive, send)
            return
        body = bytearray()

        async def copy_body() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        response = BufferedResponse()
        await self._app(scope, copy_body, response.collect)
        if response.start["status"] < 400:
            query = scope["query_string"].decode("latin-1")
            path = scope["path"] + (f"?{query}" if query else "")
            headers = dict(scope["headers"])
            caller = str(claims_of(scope).get(self._runtime.caller_claim, ""))
            media_type = headers.get(b"content-type", b"").decode("latin-1")
            call = recording.RecordedCall(caller, scope["method"], path, media_type, bytes(body))
            await recording.record(self._runtime.database.pool, sandbox_id, call)
        await response.send(send)
