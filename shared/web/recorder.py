"""The layer that keeps calls for a replay, before their answer goes out; see `shared.sandbox.recording`."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime import Runtime
from shared.sandbox import recording
from shared.sandbox.names import DEFAULT
from shared.web.held_answer import Answer
from shared.web.request_facts import claims_of, sandbox_of

PERSON = "SoDinhDanh"  # claim of an access token


class Recorder:
    """Lets everything pass; keeps what its runtime `records`, once it has succeeded."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app, self._runtime = app, runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        records = self._runtime.records
        kept = records.fullmatch(f"{scope['method']} {scope['path']}") if records is not None else None
        sandbox = sandbox_of(scope, self._runtime) if kept else DEFAULT
        if kept is None or sandbox == DEFAULT:
            await self._app(scope, receive, send)
            return
        body = bytearray()

        async def heard() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        answer = Answer()
        await self._app(scope, heard, answer.take)
        if answer.start["status"] < 400:
            query = scope["query_string"].decode("latin-1")
            path = scope["path"] + (f"?{query}" if query else "")
            headers = dict(scope["headers"])
            caller = str(claims_of(scope).get(PERSON, ""))
            media_type = headers.get(b"content-type", b"").decode("latin-1")
            made = recording.Made(caller, scope["method"], path, media_type, bytes(body))
            await recording.keep(self._runtime.database.pool, sandbox, made)
        await answer.say(send)
