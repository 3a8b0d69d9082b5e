"""psql processes with an open connection, so that transactions of several databases are open at the same time."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from types import TracebackType
from typing import IO, Self
from urllib.parse import unquote, urlsplit

from lienthong.embedded import Trouble
from lienthong.embedded.postgres import program

END = "--end-of-rows--"
TIMED_OUT = "57014"
DEADLOCK = "40P01"
CONNECT_SECONDS = "15"


class Refused(Trouble):
    """PostgreSQL refused a statement. `code`: its SQLSTATE; empty if there was no connection."""

    def __init__(self, database: str, errors: str) -> None:
        match = re.search(r"^(?:ERROR|FATAL): +(\w{5}): (.*)", errors, re.MULTILINE)
        self.code = match[1] if match else ""
        lines = errors.strip().splitlines()
        why = match[2] if match else lines[0] if lines else "the connection ended"
        super().__init__(f"PostgreSQL refused ({database}): {why}.")


class Session:
    """One connection to one database. Its first error ends it, and an open transaction is rolled back."""

    def __init__(self, database: str, url: str) -> None:
        self.database = database
        url, environment = login(url)
        self._process = subprocess.Popen(
            [program("psql"), *["-X", "-At", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose"], url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )

    def run(self, *statements: str) -> list[str]:
        """Run statements and return the lines of their rows, columns separated by `|`. Raises Refused."""
        return self.answer() if self.send(*statements) else []

    def send(self, *statements: str) -> Self:
        """Send statements without waiting for them. Raises Refused if the session has ended."""
        self._write("".join(f"{statement};\n" for statement in statements).encode() + f"\\echo {END}\n".encode())
        return self

    def answer(self) -> list[str]:
        """The lines of the statements that were sent. Raises Refused."""
        assert self._process.stdout
        lines = list[str]()
        while line := self._process.stdout.readline():
            if line.decode().rstrip("\n") == END:
                return lines
            lines.append(line.decode().rstrip("\n"))
        raise self._refused()

    def feed(self, script: IO[bytes]) -> None:
        """Run a script of any length, such as pg_restore prints. Raises Refused."""
        assert self._process.stdin
        try:
            shutil.copyfileobj(script, self._process.stdin, 1 << 20)
        except BrokenPipeError:
            raise self._refused() from None

    def _write(self, text: bytes) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(text)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._refused() from None

    def _refused(self) -> Refused:
        assert self._process.stderr
        return Refused(self.database, self._process.stderr.read().decode(errors="replace"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):  # what it did not read any more
            self._process.communicate()


def login(url: str) -> tuple[str, dict[str, str]]:
    """A database URL without its password, and the environment with it: everybody can read a command line."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    plain = parts._replace(netloc=f"{name}@{host}" if name else host).geturl()
    return plain, {
        "PGCONNECT_TIMEOUT": CONNECT_SECONDS,
        **os.environ,
        **({"PGPASSWORD": unquote(password)} if password else {}),
    }
