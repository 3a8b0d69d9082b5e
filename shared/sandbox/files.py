"""Content-addressed files in the database of a service. Clients fetch them by signed addresses that expire.

The table has a `sandbox` column, so the sweep removes the files of a deleted sandbox with all its other rows.
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
from shared.sandbox.validity import Times, Validity
from shared.storage.database import Connection, Database

HASH = r"^[0-9A-Fa-f]{64}$"
PATH = "/api/v1/files"  # the endpoint of a service is GET {PATH}/{sandbox}/{sha256}
# Run when the tables are created. STORAGE EXTERNAL: most files are compressed already, and a second compression took two
# thirds of the time to store 10 MB (measured). PostgreSQL draws the key: two random UUIDs have 244 bits from its strong
# random source.
FIRST_ROWS = (
    "ALTER TABLE files ALTER content SET STORAGE EXTERNAL",
    "INSERT INTO address_keys (name, key) "
    "SELECT 'current', uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())",
)


class AddressNotValid(Refusal):
    """The signature of an address is wrong, so a part of the address was changed or we never issued it."""


class AddressExpired(Refusal):
    """The address has expired."""


class FileNotFound(Refusal):
    """The address is valid, but the file does not exist: the database was created again."""


def files_tables(metadata: MetaData) -> None:
    Table(
        "files",
        metadata,
        Column("sandbox", Text, primary_key=True),
        Column("sha256", Text, primary_key=True),  # hexadecimal
        Column("media_type", Text, nullable=False),
        Column("size", Integer, nullable=False),  # bytes
        Column("content", LargeBinary, nullable=False),
        Column("stored_at", DateTime(timezone=True), nullable=False),  # sandbox time of the first upload
        info={"sweep_rows": 20},  # of 10 MB each: deleting them takes 0.25 s; a transaction may take 2 s
    )
    Table(
        "address_keys",
        metadata,
        Column("name", Text, primary_key=True),  # always "current": there is only one key
        Column("key", LargeBinary, nullable=False),  # HMAC-SHA256, 32 bytes
    )


@dataclass(frozen=True)
class File:
    sha256: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Address:
    """A signed URL of a file. Everyone who has it can fetch the file until `expires_at`, a time by the clock of its user."""

    url: str
    expires_at: datetime


class Files:
    """The files of one service.

    url       base URL of the service; its file endpoint is below it at PATH
    lifetime  how long an address is valid
    """

    def __init__(self, database: Database, url: str, lifetime: timedelta) -> None:
        self._database, self._url, self._lifetime = database, url.rstrip("/"), lifetime
        self._key = b""

    async def put(self, connection: Connection, sandbox: Sandbox, content: bytes, media_type: str) -> str:
        """Store `content`; returns its SHA-256. Storing the same content again changes nothing."""
        sha256 = hash_of(content)
        await connection.execute(
            "INSERT INTO files (sandbox, sha256, media_type, size, content, stored_at) VALUES ($1, $2, $3, $4, $5, $6) "
            "ON CONFLICT DO NOTHING",
            sandbox.id,
            sha256,
            media_type,
            len(content),
            content,
            sandbox.now,
        )
        return sha256

    async def get(self, sandbox_id: str, sha256: str) -> File | None:
        rows = await self._database.fetch(
            "SELECT sha256, media_type, content FROM files WHERE sandbox = $1 AND sha256 = $2", sandbox_id, sha256
        )
        return File(**rows[0]) if rows else None

    async def address(self, sandbox: Sandbox, sha256: str, name: str, times: Times) -> Address:
        """An address of a stored file. Everyone who has the address can download the file, under the name `name`."""
        valid = Validity.of(times, sandbox.now, self._lifetime)
        facts: dict[str, str | int] = {"name": name, "expires": valid.ends}
        if valid.sandbox_end is not None:
            facts["sandbox_expires"] = valid.sandbox_end
        signature = await self._signature(sandbox.id, sha256, name, valid)
        query = urlencode({**facts, "signature": signature}, quote_via=quote)
        return Address(f"{self._url}{PATH}/{sandbox.id}/{sha256}?{query}", datetime.fromtimestamp(valid.ends, UTC))

    async def fetch(self, sandbox: Sandbox, sha256: str, name: str, valid: Validity, signature: str) -> File:
        """The file at an address, if the signature is valid and the address has not expired.

        raises  AddressNotValid, AddressExpired, FileNotFound
        """
        expected = await self._signature(sandbox.id, sha256, name, valid)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise AddressNotValid("Use the address exactly as you received it, or request a new one.")
        if fault := valid.fault(sandbox.now):
            detail = f"The address {fault}. Request a new one where you received it."
            raise AddressExpired(detail, now=sandbox.now.isoformat())
        file = await self.get(sandbox.id, sha256)
        if file is None:
            raise FileNotFound("Send the file again.", sha256=sha256)
        return file

    async def _signature(self, sandbox_id: str, sha256: str, name: str, valid: Validity) -> str:
        if not self._key:
            rows = await self._database.fetch("SELECT key FROM address_keys WHERE name = 'current'")
            self._key = rows[0]["key"]
        # Only the name can contain a line break, and it is last: so two different addresses never give the same text.
        ends = valid.ends if valid.sandbox_end is None else f"{valid.ends} {valid.sandbox_end}"
        text = f"{sandbox_id}\n{sha256}\n{ends}\n{name}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
