"""Planted bug: the first byte of a stored file is another."""

from importlib import import_module
from typing import Any

files = import_module("shared.sandbox.files").Files
original = files.put


async def put(self: Any, connection: Any, sandbox: Any, *more: Any) -> Any:
    sha256 = await original(self, connection, sandbox, *more)
    spoil = "UPDATE files SET content = set_byte(content, 0, 0) WHERE sandbox = $1 AND sha256 = $2"
    await connection.execute(spoil, sandbox.id, sha256)
    return sha256


setattr(files, "put", put)  # noqa: B010
