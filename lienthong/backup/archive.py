"""The file of a backup: a tar with one dump of pg_dump per database, and a manifest as its last member."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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

    def __init__(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self._tar, self.manifest = tar, manifest

    def dump(self, name: str) -> IO[bytes]:
        """The dump of one database."""
        content = self._tar.extractfile(f"{name}.dump")
        assert content
        return content


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
    broken = f"{file} is no complete backup of lienthong"
    again = "copy it again from its source, or use another backup."
    try:
        with tarfile.open(file, "r:") as tar:
            members = {member.name: member for member in tar.getmembers() if member.isfile()}
            if MANIFEST not in members:
                raise Trouble(f"{broken}: its last part, {MANIFEST}, is missing; {again}")
            content = tar.extractfile(members[MANIFEST])
            assert content
            manifest = _manifest(file, json.loads(content.read()))
            for dump in manifest.databases:
                if dump.member not in members or members[dump.member].size != dump.bytes:
                    raise Trouble(f"{broken}: {dump.member} has not its {dump.bytes} bytes; {again}")
                part = tar.extractfile(members[dump.member])
                assert part
                if _sha256(part) != dump.sha256:
                    raise Trouble(f"{broken}: {dump.member} is not what was written (its checksum differs); {again}")
            yield Archive(tar, manifest)
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError) as error:
        raise Trouble(f"{broken} ({error}): {again}") from error


def _manifest(file: Path, facts: Mapping[str, Any]) -> Manifest:
    """Raises Trouble for another format or another version of the tables."""
    writer = f"lienthong {facts.get('lienthong', 'of an unknown version')}"
    if facts["format"] != FORMAT:
        raise Trouble(f"{file} has format {facts['format']}, this software reads {FORMAT}: restore it with {writer}.")
    if facts["schema"] != (ours := schema_version()):
        raise Trouble(
            f"{file} has data of schema {facts['schema']}, this software needs {ours}: restore it with {writer}, "
            "which wrote it; if that is the older one, start this version on the data afterwards."
        )
    dumps = tuple(Dump(**dump) for dump in facts["databases"])
    if {dump.name for dump in dumps} != set(DATABASES):
        raise Trouble(f"{file} names other databases than {', '.join(DATABASES)}: use another backup.")
    return Manifest(facts["at"], facts["schema"], dumps, lienthong=facts["lienthong"])


def _sha256(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := content.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()
