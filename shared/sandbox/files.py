"""Files by what is in them: kept once per content in the service's own database, fetched by signed addresses that expire.

The table has a `sandbox` column, so the files of a deleted sandbox are swept like everything else of it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from sqlalchemy import Column, DateTime, Integer, LargeBinary, MetaData, Table, Text

from shared.errors import Refusal
from shared.sandbox.registry import Sandbox
from shared.storage.database import Connection, Database

PATH = "/api/v1/files"  # a service's door is GET {PATH}/{sandbox}/{sha256}
# When the tables are made: what is kept is packed already, and trying to pack it again took two thirds of the time to
# keep 10 MB (measured); and PostgreSQL draws the key: two random UUIDs hold 244 bits of its strong source.
FIRST_ROWS = (
    "ALTER TABLE files ALTER content SET STORAGE EXTERNAL",
    "INSERT INTO address_keys (name, key) "
    "SELECT 'current', uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())",
)


class AddressNotValid(Refusal):
    """The signature of an address is not ours, or a part of the address was changed."""


class AddressExpired(Refusal):
    """The address was good; by the sandbox clock it is not any more."""


class FileNotFound(Refusal):
    """The address was ours and the file is gone: the database was made anew."""


def files_tables(metadata: MetaData) -> None:
    Table(
        "files",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("sha256", Text, primary_key=True),  # hexadecimal
        Column("media_type", Text, nullable=False),
        Column("size", Integer, nullable=False),  # bytes
        Column("content", LargeBinary, nullable=False),
        Column("stored_at", DateTime(timezone=True), nullable=False),  # sandbox time of the first time
        info={"sweep_rows": 20},  # of 10 MB each: 0.25 s of removing, where a transaction has 2 s
    )
    Table(
        "address_keys",
        metadata,
        Column("name", Text, primary_key=True),  # "current": there is one
        Column("key", LargeBinary, nullable=False),  # HMAC-SHA256, 32 bytes
    )


@dataclass(frozen=True)
class File:
    sha256: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Address:
    """Where a file is to be had, by whoever holds it, until `expires_at` (sandbox time)."""

    url: str
    expires_at: datetime


class Files:
    """The files of one service.

    url       where the service is reached; its door is at PATH below
    lifetime  of an address, in sandbox time
    """

    def __init__(self, database: Database, url: str, lifetime: timedelta) -> None:
        self._database, self._url, self._lifetime = database, url.rstrip("/"), lifetime
        self._key = b""

    async def put(self, connection: Connection, here: Sandbox, content: bytes, media_type: str) -> str:
        """Keep `content`; gives its SHA-256. The same content again changes nothing."""
        sha256 = hash_of(content)
        await connection.execute(
            "INSERT INTO files (sandbox, sha256, media_type, size, content, stored_at) VALUES ($1, $2, $3, $4, $5, $6) "
            "ON CONFLICT DO NOTHING",
            *(here.id, sha256, media_type, len(content), content, here.now),
        )
        return sha256

    async def get(self, sandbox: str, sha256: str) -> File | None:
        rows = await self._database.fetch(
            "SELECT sha256, media_type, content FROM files WHERE sandbox = $1 AND sha256 = $2", sandbox, sha256
        )
        return File(**rows[0]) if rows else None

    async def address(self, here: Sandbox, sha256: str, name: str) -> Address:
        """An address of a file that is kept; whoever has the address gets the file, under `name`."""
        expires = int((here.now + self._lifetime).timestamp())
        signature = await self._signature(here.id, sha256, name, expires)
        query = urlencode({"name": name, "expires": expires, "signature": signature}, quote_via=quote)
        return Address(f"{self._url}{PATH}/{here.id}/{sha256}?{query}", datetime.fromtimestamp(expires, UTC))

    async def fetch(self, here: Sandbox, sha256: str, name: str, expires: int, signature: str) -> File:
        """The file behind an address, if the address is ours and still good.

        expires  seconds since 1970, sandbox time
        raises   AddressNotValid, AddressExpired, FileNotFound
        """
        ours = await self._signature(here.id, sha256, name, expires)
        if not hmac.compare_digest(ours.encode(), signature.encode()):
            raise AddressNotValid("Use it letter by letter as it was given, or ask for a new one.")
        if here.now.timestamp() >= expires:
            raise AddressExpired("Ask for a new one where this one came from.", now=here.now.isoformat())
        file = await self.get(here.id, sha256)
        if file is None:
            raise FileNotFound("Send the file again.", sha256=sha256)
        return file

    async def _signature(self, sandbox: str, sha256: str, name: str, expires: int) -> str:
        if not self._key:
            rows = await self._database.fetch("SELECT key FROM address_keys WHERE name = 'current'")
            self._key = rows[0]["key"]
        # Only the name, which stands last, can hold a line break: no two addresses have one text.
        text = f"{sandbox}\n{sha256}\n{expires}\n{name}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
