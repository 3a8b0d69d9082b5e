"""`lienthong backup | restore` at a terminal: what is refused, and what is said when a user interrupts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lienthong.backup import archive, restoring, servers, writing
from lienthong.backup.archive import Archive, Manifest
from lienthong.cli import backup as verbs
from lienthong.embedded import Trouble

MANIFEST = Manifest("2026-11-30 18:00:00+00", 12, ())


class Interrupted:
    """Servers and a backup that a user interrupts. `when`: "before" the databases are read or replaced, or "after"."""

    when = "after"

    @contextmanager
    def started(self, *_: Any) -> Iterator[Any]:
        yield {}, None
        raise KeyboardInterrupt

    @contextmanager
    def opened(self, file: Path) -> Iterator[Archive]:
        yield Archive(None, {}, MANIFEST)  # type: ignore[arg-type]

    def work(self, *_: Any) -> Manifest:
        if self.when == "before":
            raise KeyboardInterrupt
        return MANIFEST


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Interrupted:
    user = Interrupted()
    for module, name, value in (
        (servers, "to_read", user.started),
        (servers, "to_replace", user.started),
        (archive, "opened", user.opened),
        (restoring, "restore", user.work),
        (writing, "write", user.work),
    ):
        monkeypatch.setattr(module, name, value)
    return user


def test_what_was_restored_or_written_before_an_interrupt_is_not_denied(
    interrupted: Interrupted, tmp_path: Path
) -> None:
    file, data = tmp_path / "country.tar", tmp_path / "data"
    stopping = "Interrupted while the servers were stopping, which `lienthong down` waits for"
    with pytest.raises(Trouble) as restored:
        verbs.restore(file, data)
    assert str(restored.value) == (
        f"{stopping}. Restored {file}: all databases are as they were at {MANIFEST.at}. Start the country again: `lienthong up`."
    )
    with pytest.raises(Trouble) as written:
        verbs.backup(file, data)
    assert str(written.value) == f"{stopping}. Wrote {file}: all databases as they were at {MANIFEST.at}."


def test_an_interrupt_before_that_has_changed_nothing(interrupted: Interrupted, tmp_path: Path) -> None:
    interrupted.when = "before"
    file, data = tmp_path / "country.tar", tmp_path / "data"
    with pytest.raises(Trouble, match=r"^Interrupted; the databases are as they were\.$"):
        verbs.restore(file, data)
    with pytest.raises(Trouble, match=r"^Interrupted; .*country\.tar was not written\.$"):
        verbs.backup(file, data)


def test_only_a_regular_file_is_replaced_by_a_backup(tmp_path: Path) -> None:
    file, pipe, link = tmp_path / "old.tar", tmp_path / "pipe", tmp_path / "link"
    file.touch()
    os.mkfifo(pipe)
    link.symlink_to(file)
    writing.refuse_bad_target(file)
    writing.refuse_bad_target(tmp_path / "new.tar")
    for target in (pipe, link, Path("/dev/null")):
        with pytest.raises(Trouble, match=f"{target} is a link, a pipe or a device, and a backup would replace it"):
            writing.refuse_bad_target(target)
