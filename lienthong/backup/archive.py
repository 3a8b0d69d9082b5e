"""The file of a backup: a tar with one dump of pg_dump per database, and a manifest as its last member."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from lienthong import __version__
from lienthong.embedded import Trouble
from lienthong.embedded.plan import DATABASES
from lienthong.embedded.postgres import schema_version

FORMAT = 1
MANIFEST = "manifest.json"
PIECE = 1 << 20


@dataclass(frozen=True)
class Dump:
    """One database in the file.

    name    as in `DATABASES`; the member of the tar is `NAME.dump`
    owner   the service whose tables these are, as the database names it
    bytes   of the dump
    sha256  of the dump
    """

    name: str
    owner: str
    bytes: int
    sha256: str

    @property
    def member(self) -> str:
        return f"{self.name}.dump"


@dataclass(frozen=True)
class Manifest:
    """What a backup contains.

    schema     version of the tables, the same in all databases
    lienthong  version of the software that wrote the file
    at         the point in time of all databases: real time, ISO 8601
    """

    at: str
    schema: int
    databases: tuple[Dump, ...]
    format: int = FORMAT
    lienthong: str = __version__

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


class Archive:
    """A complete backup whose content was checked; open for reading."""

    def __init__(self, tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], manifest: Manifest) -> None:
        self._tar, self._members, self.manifest = tar, members, manifest

    def dump(self, dump: Dump) -> IO[bytes]:
        """The dump of one database: the bytes that were checked."""
        return _content(self._tar, self._members[dump.member])


def add(tar: tarfile.TarFile, file: Path, name: str, owner: str) -> Dump:
    """Append the dump of one database."""
    with file.open("rb") as content:
        dump = Dump(name, owner, file.stat().st_size, _sha256(content))
        content.seek(0)
        member = tarfile.TarInfo(dump.member)
        member.size, member.mode = dump.bytes, 0o600
        tar.addfile(member, content)
    return dump


def close(tar: tarfile.TarFile, manifest: Manifest) -> None:
    """Append the manifest: it is the last member, so half a file has none."""
    text = manifest.to_json().encode()
    member = tarfile.TarInfo(MANIFEST)
    member.size, member.mode = len(text), 0o600
    tar.addfile(member, io.BytesIO(text))


@contextmanager
def opened(file: Path) -> Iterator[Archive]:
    """Open a backup after every byte of it was read and checked. Raises Trouble if it cannot be restored here."""
    with ExitStack() as stack:
        try:
            archive = _checked(file, stack.enter_context(tarfile.open(file, "r:")))
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise _broken(file, str(error)) from error
        yield archive


def _checked(file: Path, tar: tarfile.TarFile) -> Archive:
    """Every member is a regular file that the manifest names, and is there once: nothing else can be extracted."""
    members: dict[str, tarfile.TarInfo] = {}
    for member in tar.getmembers():
        if member.name in members:
            raise _broken(file, f"{member.name} is in it twice")
        if not member.isfile():
            raise _broken(file, f"{member.name} is not a regular file")
        members[member.name] = member
    if MANIFEST not in members:
        raise _broken(file, f"its last part, {MANIFEST}, is missing")
    manifest = _manifest(file, _content(tar, members[MANIFEST]).read())
    for dump in manifest.databases:
        if dump.member not in members or members[dump.member].size != dump.bytes:
            raise _broken(file, f"{dump.member} has not its {dump.bytes} bytes")
        if _sha256(_content(tar, members[dump.member])) != dump.sha256:
            raise _broken(file, f"{dump.member} is not what was written (its checksum differs)")
    if others := members.keys() - {MANIFEST, *(dump.member for dump in manifest.databases)}:
        raise _broken(file, f"{', '.join(sorted(others))} does not belong to it")
    return Archive(tar, members, manifest)


def _manifest(file: Path, text: bytes) -> Manifest:
    """Raises Trouble for another format or another version of the tables."""
    try:
        facts: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(file, f"{MANIFEST} is not JSON") from error
    if not isinstance(facts, dict):
        raise _broken(file, f"{MANIFEST} is not a JSON object")
    writer = f"lienthong {facts.get('lienthong', 'of an unknown version')}"
    if _number(file, facts, "format") != FORMAT:
        raise Trouble(f"{file} has format {facts['format']}, this software reads {FORMAT}: restore it with {writer}.")
    if _number(file, facts, "schema") != (ours := schema_version()):
        raise Trouble(
            f"{file} has data of schema {facts['schema']}, this software needs {ours}: restore it with {writer}, "
            "which wrote it; if that is the older one, start this version on the data afterwards."
        )
    try:
        dumps = tuple(Dump(**dump) for dump in facts["databases"])
        manifest = Manifest(facts["at"], facts["schema"], dumps, lienthong=facts["lienthong"])
        names = sorted(dump.name for dump in dumps)
    except (KeyError, TypeError) as error:
        raise _broken(file, f"its {MANIFEST} does not describe the databases") from error
    if names != sorted(DATABASES):
        raise Trouble(f"{file} names other databases than {', '.join(DATABASES)}, once each: use another backup.")
    return manifest


def _number(file: Path, facts: Mapping[str, Any], name: str) -> int:
    value = facts.get(name)
    if type(value) is not int:  # JSON's true is an int of Python
        raise _broken(file, f"its {MANIFEST} has no whole number as {name}")
    return value


def _broken(file: Path, why: str) -> Trouble:
    return Trouble(
        f"{file} is no complete backup of lienthong: {why}; copy it again from its source, or use another backup."
    )


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    assert content  # a regular file
    return content


def _sha256(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := content.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()
