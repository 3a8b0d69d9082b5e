"""Writes a backup while the country runs: all databases as they were at one point in time.

For some milliseconds, no transaction can write in any of the databases. At this point a snapshot of each is taken, and
the dumps read these snapshots afterwards. So every event that one side has applied, the other side has published, and
every payment that one has confirmed, the other has made.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import tarfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lienthong.backup import archive
from lienthong.backup.archive import Manifest
from lienthong.backup.psql import DEADLOCK, TIMED_OUT, Refused, Session, login
from lienthong.embedded import Trouble
from lienthong.embedded.postgres import program

Notify = Callable[[str], None]
FIRST_WAIT = 0.3  # seconds for the locks of one attempt; half as much again for each next one
# Shorter than PostgreSQL's deadlock_timeout of one second: after it a transaction of a service that waits for us, while we
# wait for it, would be ended as the victim.
LONGEST_WAIT = 0.9
ATTEMPTS = 12
PAUSE_SECONDS = 0.2  # between two attempts, for those who waited
PROGRESS_SECONDS = 2.0
# Transactions lock positions first and sandboxes second, also if they only read these rows: so no new one begins.
# Leases say which process works now: a backup need not agree with them, and they are renewed all the time.
TABLES_SQL = """
SELECT format('LOCK TABLE %I.%I IN %s MODE', nspname, relname,
  CASE WHEN relname IN ('positions', 'sandboxes') THEN 'EXCLUSIVE' ELSE 'SHARE' END)
FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname = 'public' AND relkind = 'r' AND relname NOT IN ('leases', 'workers')
ORDER BY relname <> 'positions', relname <> 'sandboxes', relname"""


@dataclass(frozen=True)
class Point:
    """The snapshots of all databases at one point in time: `at` in real time, `snapshots` and `owners` by database."""

    at: str
    schema: int
    snapshots: Mapping[str, str]
    owners: Mapping[str, str]


def refuse_bad_target(file: Path) -> None:
    """Raise Trouble if no file can be written there, or if what is there is not a regular file: it would be replaced."""
    if file.is_dir():
        raise Trouble(f"{file} is a folder: name a file in it, such as {file / 'backup.tar'}.")
    if not file.parent.is_dir():
        raise Trouble(f"There is no folder {file.parent}: make it, or name another file.")
    if os.path.lexists(file) and not stat.S_ISREG(file.lstat().st_mode):
        raise Trouble(f"{file} is a link, a pipe or a device, and a backup would replace it: name another file.")


def write(urls: Mapping[str, str], file: Path, notify: Notify) -> Manifest:
    """Write a backup of the databases at `urls`. An existing file is replaced when the new one is complete and on disk.

    raises  Trouble: a database that no service has used yet, or that does not answer; OSError: the disk is full
    """
    fresh, part = (file.with_name(f"{file.name}.{os.getpid()}.{end}") for end in ("new", "part"))
    try:
        with ExitStack() as stack:
            point = one_point(urls, stack)
            notify(f"Every database is read as it was at {point.at}.")
            out = stack.enter_context(os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"))
            with tarfile.open(fileobj=out, mode="w") as tar:
                dumps = []
                for name, url in urls.items():
                    _dump(name, url, point.snapshots[name], part, notify)
                    dumps.append(archive.add(tar, part, name, point.owners[name]))
                    part.unlink()
                manifest = Manifest(point.at, point.schema, tuple(dumps))
                archive.close(tar, manifest)
            out.flush()
            os.fsync(out.fileno())  # before its name: a power cut leaves the old file or the new one, whole
        fresh.replace(file)
        _sync_folder(file.parent)
    finally:
        for left in (fresh, part):
            left.unlink(missing_ok=True)
    return manifest


def _sync_folder(folder: Path) -> None:
    """Write the names in a folder to disk, if its file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def one_point(urls: Mapping[str, str], stack: ExitStack) -> Point:
    """Take a snapshot of every database while none can be written. The snapshots live as long as `stack`."""
    readers = {name: stack.enter_context(Session(name, url)) for name, url in urls.items()}
    owners, schema = _contents(readers)
    for session in readers.values():
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    for attempt in range(ATTEMPTS):
        with ExitStack() as locks:
            lockers = {name: locks.enter_context(Session(name, url)) for name, url in urls.items()}
            statements = {name: locker.run(TABLES_SQL) for name, locker in lockers.items()}
            end = time.monotonic() + min(FIRST_WAIT * 1.5**attempt, LONGEST_WAIT)
            try:
                for name, locker in lockers.items():
                    left = max(1, int((end - time.monotonic()) * 1000))  # for all tables together
                    lock = f"DO $$ BEGIN {'; '.join(statements[name])}; END $$"
                    locker.run(f"SET statement_timeout = {left}", "BEGIN", lock, "SET statement_timeout = 0")
            except Refused as refused:
                if refused.code not in (TIMED_OUT, DEADLOCK):
                    raise
            else:
                rows = {name: session.run("SELECT pg_export_snapshot()") for name, session in readers.items()}
                (at,) = next(iter(lockers.values())).run("SELECT clock_timestamp()")
                return Point(at, schema, {name: snapshot for name, (snapshot,) in rows.items()}, owners)
        time.sleep(PAUSE_SECONDS)
    raise Trouble(
        f"No point in time was found: some transaction wrote during {ATTEMPTS} attempts. Try again, or stop the services "
        "first (`lienthong down`): a backup needs only the databases."
    )


def _contents(sessions: Mapping[str, Session]) -> tuple[dict[str, str], int]:
    """Owner of the tables by database, and their version. Raises Trouble if there are no tables of one version."""
    owners, versions = {}, {}
    for name, session in sessions.items():
        if session.run("SELECT to_regclass('public.schema_version') IS NULL") == ["t"]:
            raise Trouble(f"The database {name} is empty: start the country once before its first backup.")
        (row,) = session.run("SELECT version, owner FROM schema_version")
        version, owners[name] = row.split("|")
        versions[name] = int(version)
    if len({*versions.values()}) > 1:
        text = ", ".join(f"{name} {version}" for name, version in versions.items())
        raise Trouble(f"The databases have several versions ({text}): wait until every service is ready.")
    return owners, versions[name]


def _dump(name: str, url: str, snapshot: str, file: Path, notify: Notify) -> None:
    plain, environment = login(url)
    words = ["--format=custom", "--compress=1", "--no-owner", "--no-privileges", "-w", f"--snapshot={snapshot}", plain]
    with file.open("wb") as out:
        file.chmod(0o600)
        dumping = subprocess.Popen(
            [program("pg_dump"), *words], stdout=out, stderr=subprocess.PIPE, text=True, env=environment
        )
        try:
            noted = time.monotonic()
            while True:
                try:
                    _, errors = dumping.communicate(timeout=0.2)
                    break
                except subprocess.TimeoutExpired:
                    if time.monotonic() - noted > PROGRESS_SECONDS:
                        notify(f"{name}: {megabytes(file.stat().st_size)} so far.")
                        noted = time.monotonic()
        finally:
            dumping.kill()
            dumping.wait()
    if dumping.returncode:
        raise Trouble(f"pg_dump could not read {name}: {errors.strip().splitlines()[-1]}.")
    notify(f"{name}: {megabytes(file.stat().st_size)}.")


def megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"
