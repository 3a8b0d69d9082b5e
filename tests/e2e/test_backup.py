"""A backup under load, and what comes back: both sides agree, nothing is missing, nothing is there twice."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import random
import subprocess
import tarfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from lienthong.client import Country
from lienthong.embedded import ports, postgres
from lienthong.embedded.plan import DATABASES
from lienthong.embedded.stack import Stack, running
from tests.support.command import command
from tools.prove import checks, rules, run
from tools.prove.clocks import FIRST, Clocks
from tools.prove.counters import Counters
from tools.prove.faults.projections import statistics_are_complete
from tools.prove.ledger import Key, Submission
from tools.prove.load import Catalogue, Load
from tools.prove.scene import Scene

ENOUGH = 60  # dossiers in the backup


def lienthong(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return command(*map(str, words), url=None)


def state(data: Path) -> dict[str, str]:
    """A digest of the rows of every table, by database."""
    with Stack(data, ports.free_base(), parts=["postgres"]) as stack:
        tables = (
            "SELECT format('%I', relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
        digests = {}
        for name in DATABASES:
            digest = hashlib.sha256()
            for table in sorted(postgres.psql(stack.plan, tables, database=name)):
                rows = postgres.psql(stack.plan, f"SELECT md5(t::text) FROM {table} t ORDER BY 1", database=name)
                digest.update(f"{table} {rows}".encode())
            digests[name] = digest.hexdigest()
        return digests


def codes(submission: Submission) -> set[Key]:
    return {(submission.sandbox, code) for code in submission.codes}


def enough(load: Load, count: int) -> Callable[[], Awaitable[bool]]:
    async def are_there() -> bool:
        return len(load.ledger.dossiers) >= count

    return are_there


def seen(stack: Stack, load: Load) -> Scene:
    return Scene(stack, load, Counters({}), random.Random("backup"))


async def a_backup_under_load_comes_back_as_one_point_in_time(data: Path, file: Path) -> None:
    stack = Stack(data, ports.free_base())
    await asyncio.to_thread(stack.start)
    async with Country(stack.urls["portal-api"]) as country:
        rows = [
            await country.create_sandbox(seed=f"backup-{n}", start=FIRST.isoformat(), rate=60 * n) for n in range(2)
        ]
        sandboxes = [country.enter(row["id"]) for row in rows]
        clocks, catalogue = Clocks(sandboxes), await Catalogue.read(country)
        load = Load(country, sandboxes, catalogue, clocks, "backup", 30.0)
        await load.citizens.get_ready()
        working = [asyncio.create_task(load.run()), asyncio.create_task(clocks.keep_turning())]
        await seen(stack, load).until("too few dossiers", enough(load, ENOUGH))
        before = {key for key, each in load.ledger.submissions.items() if each.codes}
        done = await asyncio.to_thread(lienthong, "backup", file, "--data", data, "--json")
        assert done.returncode == 0, done.stderr
        after = set(load.ledger.submissions)
        await seen(stack, load).until("too few dossiers", enough(load, len(after) + ENOUGH))
        load.stopping = clocks.stopping = True
        await asyncio.gather(*working)
    manifest = json.loads(done.stdout)
    assert {dump["name"] for dump in manifest["databases"]} == set(DATABASES)
    ledger = load.ledger
    assert not ledger.surprises and not ledger.unacknowledged, "a backup refuses nobody"

    checked = lienthong("restore", file, "--data", data, "--check", "--json")
    assert checked.returncode == 0 and json.loads(checked.stdout)["databases"] == manifest["databases"]
    nothing = lienthong("restore", data / "nothing.tar", "--data", data)
    assert nothing.returncode == 1 and "No such file" in nothing.stderr, "whether it could be done at all comes first"
    refused = lienthong("restore", file, "--data", data)
    assert refused.returncode == 1 and "stop it with `lienthong down`, or add --force" in refused.stderr
    restored = lienthong("restore", file, "--data", data, "--force")
    assert restored.returncode == 0, restored.stderr
    first = state(data)
    assert lienthong("restore", file, "--data", data).returncode == 0
    assert state(data) == first, "a second restore of the same file gives the same state"

    await asyncio.to_thread(stack.start)
    async with Country(stack.urls["portal-api"]) as country:
        sandboxes = [country.enter(row["id"]) for row in rows]
        load = Load(country, sandboxes, catalogue, Clocks(sandboxes), "after", 30.0)
        await load.citizens.get_ready()
        scene = seen(stack, load)
        stored = {
            (row["sandbox"], row["code"])
            for service in ("portal", "gateway")
            for row in await scene.fetch(service, "SELECT * FROM dossiers")
        }
        known = {key: each for key, each in ledger.submissions.items() if codes(each) & stored}
        assert before <= known.keys() < ledger.submissions.keys(), "all that was acknowledged before, not all after"
        load.ledger.submissions.update({key: replace(each) for key, each in known.items()})
        again = [await load.submit_now(sandbox.id) for sandbox in sandboxes for _ in range(5)]
        unsettled = await run._bring_to_rest(scene, print)
        await scene.until("the statistics are not complete", lambda: statistics_are_complete(scene))
        evidence = await run._evidence(scene, unsettled)
    lost = set().union(*map(codes, ledger.submissions.values())) - stored
    assert lost and lost.isdisjoint(set().union(*map(codes, again))), "no code is given twice"
    # Requests before the restore, in ledgers of their own: what is published is compared with what is stored instead.
    evidence.ledger.payments.clear()
    for key, events in evidence.portal.events.items():
        for type in rules.REQUESTED:
            evidence.ledger.requests[key, type] = sum(event.type == type for event in events)
        assert evidence.ledger.requests[key, rules.WITHDRAWAL_REQUESTED] <= 1
    for finding in checks.judge(evidence):
        if "was seen" in finding.promise:
            continue  # about the load, which is short here
        assert finding.holds, (finding.promise, finding.checked, finding.violations[:5])


def another_version_or_format_is_refused_with_the_way_out(file: Path, tmp_path: Path) -> None:
    for change, sentence in (
        ({"schema": 3, "lienthong": "0.0.1"}, "has data of schema 3, this software needs"),
        ({"format": 9}, "has format 9, this software reads 1: restore it with lienthong"),
    ):
        changed = tmp_path / "changed.tar"
        with tarfile.open(file) as old, tarfile.open(changed, "w") as new:
            for member in old.getmembers():
                content = old.extractfile(member)
                assert content
                text = content.read()
                if member.name == "manifest.json":
                    text = json.dumps({**json.loads(text), **change}).encode()
                    member.size = len(text)
                new.addfile(member, io.BytesIO(text))
        done = lienthong("restore", changed, "--data", tmp_path / "fresh")
        assert done.returncode == 1 and sentence in done.stderr
        assert not (tmp_path / "fresh").exists(), "nothing was started"


def a_broken_file_changes_nothing(data: Path, file: Path, tmp_path: Path) -> None:
    if running(data):
        Stack.attach(data).stop()
    before, whole = state(data), file.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for text in (b"", b"hello", whole[: len(whole) // 2], whole[: len(whole) - 12_000], bytes(flipped)):
        broken = tmp_path / "broken.tar"
        broken.write_bytes(text)
        done = lienthong("restore", broken, "--data", data)
        assert done.returncode == 1 and "is no complete backup of lienthong" in done.stderr, done.stderr
    assert state(data) == before


def a_backup_needs_no_running_country_and_leaves_nothing_behind(data: Path, tmp_path: Path) -> None:
    if running(data):
        Stack.attach(data).stop()
    copy = tmp_path / "copy.tar"
    assert lienthong("backup", copy, "--data", data).returncode == 0
    assert copy.stat().st_mode & 0o777 == 0o600 and list(tmp_path.iterdir()) == [copy]
    assert not running(data)
    for target, sentence in ((tmp_path, "is a folder"), (tmp_path / "no" / "file", "There is no folder")):
        done = lienthong("backup", target, "--data", data)
        assert done.returncode == 1 and sentence in done.stderr
    done = lienthong("backup", tmp_path / "x.tar", "--data", tmp_path / "empty")
    assert done.returncode == 1 and "There are no databases in" in done.stderr


def databases_on_servers_of_others_are_saved_and_restored(file: Path, tmp_path: Path) -> None:
    with Stack(tmp_path / "theirs", ports.free_base(), parts=["postgres", "kafka"]) as theirs:
        urls = {f"{name.upper()}_DATABASE_URL": theirs.database_url(name) for name in DATABASES}
        broker = {"KAFKA_BOOTSTRAP_SERVERS": theirs.kafka_bootstrap, **theirs.plan.kafka_login}
        words = ("restore", str(file), "--data", str(tmp_path / "none"))

        done = command(*words, url=None, **urls)
        assert done.returncode == 1 and "set KAFKA_BOOTSTRAP_SERVERS too" in done.stderr
        foreign = "CREATE TABLE theirs (id int)"
        postgres.psql(theirs.plan, foreign, database="payment", role="payment")
        done = command(*words, url=None, **urls, **broker)
        assert done.returncode == 1 and "The database payment has tables of another program" in done.stderr
        postgres.psql(theirs.plan, "DROP TABLE theirs", database="payment", role="payment")
        with subprocess.Popen(
            [postgres.program("psql"), "-q", urls["PORTAL_DATABASE_URL"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as user:
            assert user.stdin and user.stdout
            user.stdin.write(b"\\echo here\n")
            user.stdin.flush()
            user.stdout.readline()
            done = command(*words, url=None, **urls, **broker)
            assert done.returncode == 1 and "The database portal is in use (1 connections)" in done.stderr
            with suppress(BrokenPipeError):
                user.stdin.write(b"\\q\n")
        done = command(*words, url=None, **urls, **broker)
        assert done.returncode == 0, done.stderr
        assert not (tmp_path / "none").exists()
        (rows,) = postgres.psql(theirs.plan, "SELECT count(*) FROM dossiers", database="portal", role="portal")
        assert int(rows) >= ENOUGH
        done = command("backup", str(tmp_path / "theirs.tar"), "--data", str(tmp_path / "none"), url=None, **urls)
        assert done.returncode == 0, done.stderr


@pytest.mark.long
async def test_backups(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One file for all, which the first of them writes."""
    data, file = tmp_path_factory.mktemp("country"), tmp_path_factory.mktemp("backups") / "country.tar"
    try:
        await a_backup_under_load_comes_back_as_one_point_in_time(data, file)
        await asyncio.to_thread(
            another_version_or_format_is_refused_with_the_way_out, file, tmp_path_factory.mktemp("a")
        )
        await asyncio.to_thread(a_broken_file_changes_nothing, data, file, tmp_path_factory.mktemp("b"))
        await asyncio.to_thread(
            a_backup_needs_no_running_country_and_leaves_nothing_behind, data, tmp_path_factory.mktemp("c")
        )
        await asyncio.to_thread(
            databases_on_servers_of_others_are_saved_and_restored, file, tmp_path_factory.mktemp("d")
        )
    finally:
        if running(data):
            await asyncio.to_thread(Stack.attach(data).stop)
