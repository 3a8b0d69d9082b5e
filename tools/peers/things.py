"""Creating things that can be read back: what is sent, and what is checked."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lienthong.embedded import Trouble
from tools.peers.http import Answer, Connection, Request


@dataclass(frozen=True)
class Thing:
    """A kind of thing that a program keeps.

    row       which row of the table: creates or dossiers
    create    the request that creates the thing of a key
    read      the request that reads it, from its key and the answer to the first
    identity  the program's own name of it, in the answer to the first
    shows     what the answer to `read` contains if the thing exists, by its key
    """

    row: str
    what: str
    url: str
    create: Callable[[str], Request]
    read: Callable[[str, Any], Request]
    identity: str
    shows: Callable[[str], str] = str


@dataclass(frozen=True)
class Created:
    """A thing that was created: what is needed to look for it later."""

    key: str
    answer: Any


def new_key() -> str:
    return secrets.token_hex(12)


async def create(thing: Thing, connection: Connection, key: str) -> Answer:
    """Raises Trouble if it is refused."""
    answer = await connection.send(thing.create(key))
    if not answer.ok:
        raise Trouble(f"{thing.url} created no {thing.what}: {answer.status} {answer.body[:200].decode()}")
    return answer


async def exists(thing: Thing, created: Created) -> bool:
    connection = Connection(thing.url)
    try:
        answer = await connection.send(thing.read(created.key, created.answer))
        return answer.ok and thing.shows(created.key) in answer.body.decode()
    finally:
        connection.close()


async def check(thing: Thing) -> tuple[Created, dict[str, bool | None]]:
    """A thing that was created, and whether it can be read, and whether the same request again makes no second one.

    None where nothing is kept.
    """
    connection, key = Connection(thing.url), new_key()
    try:
        answers = [(await create(thing, connection, key)).json() for _ in range(2)]
    finally:
        connection.close()
    created = Created(key, answers[0])
    kept = await exists(thing, created)
    same = answers[0][thing.identity] == answers[1][thing.identity]
    return created, {f"{thing.row}_readable": kept, f"{thing.row}_once": same if kept else None}
