"""The file of a backup: only what was checked can be restored, and everything else is refused in one sentence."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lienthong.backup import archive
from lienthong.embedded import Trouble
from lienthong.embedded.plan import DATABASES
from lienthong.embedded.postgres import schema_version

CONTENTS = {f"{name}.dump": f"the dump of {name}".encode() for name in DATABASES}
DUMPS = [
    {"name": name, "owner": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    for name, content in zip(DATABASES, CONTENTS.values(), strict=True)
]
MANIFEST = {"at": "now", "schema": schema_version(), "databases": DUMPS, "format": archive.FORMAT, "lienthong": "1"}
Member = tuple[tarfile.TarInfo, bytes]


def regular(name: str, content: bytes) -> Member:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def link(name: str, target: str) -> Member:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member, b""


def a_backup(folder: Path, manifest: Any = MANIFEST, more: Sequence[Member] = ()) -> Path:
    """A backup with a manifest, as JSON or as bytes, and with more members than it should have."""
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    members = [regular(name, content) for name, content in CONTENTS.items()]
    with tarfile.open(folder / "backup.tar", "w") as tar:
        for member, content in [*members, *more, regular(archive.MANIFEST, text)]:
            tar.addfile(member, io.BytesIO(content))
    return folder / "backup.tar"


def refused(file: Path) -> str:
    with pytest.raises(Trouble) as refusal, archive.opened(file):
        pass
    return str(refusal.value)


def test_the_dumps_of_a_backup_are_what_was_written(tmp_path: Path) -> None:
    with archive.opened(a_backup(tmp_path)) as backup:
        assert {dump.member: backup.dump(dump).read() for dump in backup.manifest.databases} == CONTENTS


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ([regular("evil", b"EVIL"), link("portal.dump", "evil")], "portal.dump is in it twice"),
        ([regular("portal.dump", b"EVIL")], "portal.dump is in it twice"),
        ([link("other.dump", "portal.dump")], "other.dump is not a regular file"),
        ([regular("evil", b"EVIL")], "evil does not belong to it"),
    ],
    ids=["link to other content", "other content", "link", "another file"],
)
def test_a_file_with_other_members_is_refused(tmp_path: Path, more: Sequence[Member], why: str) -> None:
    assert f"is no complete backup of lienthong: {why}; copy it again" in refused(a_backup(tmp_path, more=more))


def test_a_manifest_that_names_a_database_twice_is_refused(tmp_path: Path) -> None:
    file = a_backup(tmp_path, {**MANIFEST, "databases": [*DUMPS, DUMPS[0]]})
    assert "names other databases than portal, " in refused(file)


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ([], "manifest.json is not a JSON object"),
        (None, "manifest.json is not a JSON object"),
        (3, "manifest.json is not a JSON object"),
        ("x", "manifest.json is not a JSON object"),
        (b"[" * 100_000, "manifest.json is not JSON"),
        (b"\xff\xfe", "manifest.json is not JSON"),
        ({**MANIFEST, "schema": str(schema_version())}, "its manifest.json has no whole number as schema"),
        ({**MANIFEST, "format": [1]}, "its manifest.json has no whole number as format"),
        ({**MANIFEST, "databases": None}, "its manifest.json does not describe the databases"),
        ({**MANIFEST, "databases": ["a"]}, "its manifest.json does not describe the databases"),
    ],
    ids=["list", "null", "number", "text", "deep", "bytes", "schema", "format", "no databases", "texts"],
)
def test_a_manifest_that_is_none_is_refused_in_one_sentence(tmp_path: Path, manifest: Any, why: str) -> None:
    assert f"is no complete backup of lienthong: {why}; copy it again" in refused(a_backup(tmp_path, manifest))


def test_a_fault_while_a_backup_is_open_is_not_told_as_one_of_its_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="elsewhere"), archive.opened(a_backup(tmp_path)):
        raise ValueError("elsewhere")
