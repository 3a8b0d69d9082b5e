"""Restores a backup: all databases, each in one transaction, and all are committed when all are loaded; or one alone.

Until the first commit, nothing is changed. If a commit fails, the databases before it are restored and the others are
not; the same restore again replaces all of them.

The topics of the lanes are deleted: they contain events from after the backup, which no database knows any more. The
event logs send again what was not read. Each log begins a new epoch, so that no code of a dossier is given twice.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import IO

from lienthong.backup.archive import Archive, Dump
from lienthong.backup.broker import TOPICS
from lienthong.backup.psql import Refused, Session
from lienthong.backup.writing import Notify, megabytes
from lienthong.embedded import Trouble
from lienthong.embedded.postgres import program

STOP_SECONDS = 3.0  # connections of services that were just stopped may still be closing
OTHERS_SQL = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""
TABLES_SQL = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
OWNER_SQL = "SELECT owner FROM public.schema_version"
# The epoch of the event log, and the last number of its queue, which rises with every event.
LOG_SQL = """
SELECT coalesce(epoch, 0), coalesce(pg_sequence_last_value(pg_get_serial_sequence('public.queue', 'id')::regclass), 0)
FROM public.event_log"""
DROP_SQL = """
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT oid::regclass FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', name);
  END LOOP;
  FOR name IN SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
    EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', name);
  END LOOP;
END $$"""
LogState = tuple[int, int]  # epoch, last number of the queue


def restore(
    urls: Mapping[str, str], archive: Archive, delete_topics: Callable[[], None] | None, notify: Notify
) -> None:
    """Replace the content of the databases at `urls`. If this raises, they are as they were, unless a commit failed.

    The topics of the lanes may be deleted then; the services create them again and send what was not read.

    urls           all databases; or one: its peers keep what they have, and its services begin a new epoch by themselves
    delete_topics  deletes the topics of the lanes; None: the broker is new and has none, or a peer still reads them
    raises         Trouble: a database is in use, is not ours, or does not answer; or a commit failed or was interrupted:
                   then it names the databases that are restored
    """
    dumps = [dump for dump in archive.manifest.databases if dump.name in urls]
    with ExitStack() as stack:
        sessions = {dump.name: stack.enter_context(Session(dump.name, urls[dump.name])) for dump in dumps}
        states = {dump.name: _state_before(sessions[dump.name], dump) for dump in dumps}
        for dump in dumps:
            notify(f"{dump.name}: loading {megabytes(dump.bytes)}.")
            session = sessions[dump.name]
            _load(session, archive, dump)
            if len(dumps) > 1:
                _begin_epoch(session, states[dump.name])
            session.run("ANALYZE")
        if delete_topics:
            notify(f"Deleting {' and '.join(TOPICS)}.")
            delete_topics()
        for session in sessions.values():
            session.run("SET CONSTRAINTS ALL IMMEDIATE")  # what a commit would refuse is refused before the first one
        commit(sessions)


def commit(sessions: Mapping[str, Session]) -> None:
    """Commit one database after the other. Raises Trouble at the first that fails: it says which are committed."""
    committed: list[str] = []
    try:
        for name, session in sessions.items():
            session.run("COMMIT")
            committed.append(name)
    except (Refused, KeyboardInterrupt) as error:
        others = [name for name in sessions if name not in committed]
        raise Trouble(
            f"The restore is not complete ({str(error).rstrip('.') or 'it was interrupted'}). Restored: "
            f"{', '.join(committed) or 'none for certain'}; not confirmed: {', '.join(others) or 'none'}. "
            "Do not start the country. Run the same restore again: it replaces all of them."
        ) from error


def _state_before(session: Session, dump: Dump) -> LogState | None:
    """Begin the transaction of one database. Returns the state of its event log, if it has one."""
    end = time.monotonic() + STOP_SECONDS
    while (others := session.run(OTHERS_SQL)) != ["0"]:
        if time.monotonic() > end:
            raise Trouble(
                f"The database {dump.name} is in use ({others[0]} connections): stop the services first, with "
                "`lienthong down`, or in containers with `docker compose stop` and the names of the six services."
            )
        time.sleep(0.1)
    session.run("SET lock_timeout = '10s'", "BEGIN")
    if session.run(TABLES_SQL) == ["0"]:
        return None
    is_ours = session.run("SELECT to_regclass('public.schema_version') IS NOT NULL") == ["t"]
    owners = session.run(OWNER_SQL) if is_ours else ["another program"]
    if any(owner != dump.owner for owner in owners):
        raise Trouble(
            f"The database {dump.name} has tables of {owners[0]}, not of {dump.owner}: correct its address, "
            "or restore into an empty database."
        )
    return _log_state(session)


def _load(session: Session, archive: Archive, dump: Dump) -> None:
    """Replace the tables by those of the dump, in the open transaction."""
    session.run(DROP_SQL)
    words = ["--no-owner", "--no-privileges", "--exit-on-error", "--file=-"]
    with tempfile.TemporaryFile() as errors:
        reading = subprocess.Popen(
            [program("pg_restore"), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
        assert reading.stdin and reading.stdout
        feeding = threading.Thread(target=_feed, args=(archive.dump(dump), reading.stdin), daemon=True)
        feeding.start()
        try:
            session.feed(reading.stdout)
        finally:
            reading.stdout.close()  # ends it if the session has ended before it
            reading.wait()
            feeding.join()
        errors.seek(0)
        if reading.returncode:
            raise Trouble(f"pg_restore could not read {dump.member}: {errors.read().decode().strip()}.")
    session.run("SELECT")


def _feed(content: IO[bytes], pipe: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError), pipe:
        shutil.copyfileobj(content, pipe, 1 << 20)


def _log_state(session: Session) -> LogState | None:
    """None if this service has no event log."""
    if session.run("SELECT to_regclass('public.event_log') IS NULL") == ["t"]:
        return None
    rows = session.run(LOG_SQL)
    epoch, number = rows[0].split("|") if rows else ("0", "0")
    return int(epoch), int(number)


def _begin_epoch(session: Session, before: LogState | None) -> None:
    """Begin an epoch above those of the backup and of the replaced database.

    That of the replaced database is used again if nothing happened in it: after a second restore of the same file.
    """
    loaded = _log_state(session)
    if loaded is None:
        return
    epoch = loaded[0] + 1
    if before is not None:
        epoch = max(epoch, before[0] + (before[1] != loaded[1]))
    session.run(
        f"UPDATE public.event_log SET epoch = {epoch}", f"UPDATE public.lanes_out SET epoch = {epoch}, head = 0"
    )
