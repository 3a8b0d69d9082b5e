"""Faults of the databases: commits out of order, cut connections, a database that is deleted and made again."""

from __future__ import annotations

import asyncio

import asyncpg

from tools.prove import tables
from tools.prove.scene import DATABASES, Scene

LATE_SECONDS = 4.0  # how long transactions commit late; the load publishes some sixty events in this time
CUTS = 5  # how often every connection of a service is cut
CUT_SECONDS = 0.5  # between two cuts
CUT_SQL = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


# A transaction that publishes waits up to 0.4 s, mostly less, after it has drawn the ids of its events and before its
# commit, as behind a slow disk: other transactions with higher ids commit first. A sequence counts, also what rolls back.
LATE_SQL = """
CREATE SEQUENCE late_commits;
CREATE FUNCTION commit_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF current_setting('proof.late', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
    PERFORM set_config('proof.late', pg_current_xact_id()::text, true), nextval('late_commits'),
      pg_sleep(0.4 * random() ^ 3);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER commit_late AFTER INSERT ON queue DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION commit_late()"""
ON_TIME_SQL = "DROP TRIGGER commit_late ON queue; DROP FUNCTION commit_late; DROP SEQUENCE late_commits"


async def commit_late(scene: Scene) -> str:
    """For some seconds, the portal's transactions commit in another order than that of their events' ids."""
    connection = await asyncpg.connect(scene.url("portal"))
    try:
        await connection.execute(LATE_SQL)
        try:
            await asyncio.sleep(LATE_SECONDS)
            count = await connection.fetchval("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM late_commits")
        finally:
            await connection.execute(ON_TIME_SQL)
    finally:
        await connection.close()
    return f"{count} transactions committed late" if count else ""


async def cut_database(scene: Scene) -> str:
    """Every connection of a service to its database is cut, in the middle of whatever it does, again and again."""
    service, cut = scene.rng.choice(sorted(DATABASES)), 0
    for _ in range(CUTS):
        cut += int((await scene.fetch(service, CUT_SQL))[0][0])
        await asyncio.sleep(CUT_SECONDS)
    return f"{cut} connections of the {service} cut" if cut else ""


async def delete_database(scene: Scene) -> str:
    """The gateway's database is deleted and created empty. Its last content is read when nobody else can change it."""
    oid = "SELECT oid, (SELECT epoch FROM event_log) AS life FROM pg_database WHERE datname = current_database()"
    before = (await scene.fetch("gateway", oid))[0]
    reader = await asyncpg.connect(scene.url("gateway"))
    try:
        await reader.execute("ALTER DATABASE province_gateway CONNECTION LIMIT 0")

        async def is_alone() -> bool:
            return not await reader.fetchval(CUT_SQL)

        # A lock would not do: the deletion ends its holder before those who wait for it, and they would still commit.
        await scene.until("others are connected to the database", is_alone)
        scene.deleted.append(await tables.read_service(reader, "gateway", scene.sandboxes))
        await asyncio.to_thread(scene.stack.drop_database, "province_gateway")  # ends our connection too
    finally:
        reader.terminate()

    async def has_epoch() -> bool:
        return bool((await scene.fetch("gateway", oid))[0]["life"])

    await scene.until("the new database has no epoch", has_epoch)
    after = (await scene.fetch("gateway", oid))[0]
    dossiers = len(scene.deleted[-1].dossiers)
    epochs = f"epoch {before['life']} → {after['life']}"
    return f"{epochs}, {dossiers} dossiers were in it" if dossiers and after["oid"] != before["oid"] else ""
