"""Every JSON body of a request is read strictly: see shared/strict_json.py."""

from __future__ import annotations

from starlette.types import Message, Receive

from shared.strict_json import require_unambiguous

FORMS = (b"application/x-www-form-urlencoded", b"multipart/")


def strict(receive: Receive, content_type: bytes) -> Receive:
    """Wraps `receive`: raises BodyDoesNotFit at the last piece of an ambiguous JSON body.

    Forms and invalid JSON pass; the code that parses the body reports those.
    """
    if content_type.startswith(FORMS):
        return receive
    pieces: list[bytes] = []

    async def receive_checked() -> Message:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            require_unambiguous(b"".join(pieces))
            pieces.clear()
        return message

    return receive_checked
