"""A sandbox in the hands of somebody at a terminal: created, looked at, turned, deleted; refusals are one sentence."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lienthong.sync import Country
from tests.support.command import command

START = "2026-06-09T08:00:00.000+07:00"


@pytest.fixture
def created(lienthong_sync: Country) -> Iterator[str]:
    words = ("sandbox", "create", "--seed", "verbs", "--name", "of hands", "--start", START)
    created = command(*words, url=lienthong_sync.url)
    assert created.returncode == 0, created.stderr
    yield created.stdout.strip()
    deleted = command("sandbox", "delete", created.stdout.strip(), "--json", url=lienthong_sync.url)
    assert json.loads(deleted.stdout)["deleted"] is True


def test_a_sandbox_is_shown_turned_and_found_still(lienthong_sync: Country, created: str) -> None:
    def done(*words: str) -> str:
        done = command(*words, url=lienthong_sync.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def told(*words: str) -> Any:
        return json.loads(done(*words, "--json"))

    assert told("sandbox", "show", created)["name"] == "of hands"
    assert told("clock", "show", "--sandbox", created) == {"now": START, "rate": 0}
    dossier = lienthong_sync.enter(created).citizen("lan").submit("1.001193", "37", "14464")

    settled = told("settle", "--sandbox", created)
    assert settled["verdict"] == "still" and settled["next_due"] == "2026-06-09T10:00:00.000+07:00"
    turned = done("clock", "advance", "--by", "P3D", "--sandbox", created)
    assert "now 2026-06-12T08:00:00.000+07:00" in turned and dossier["code"] in turned
    later = "2026-07-01T08:00:00.000+07:00"
    assert told("clock", "set", later, "--sandbox", created)["now"] == later

    story = told("timeline", dossier["code"], "--sandbox", created)
    assert [entry["event"] for entry in story][:2] == ["dossier.submitted.v1", "dossier.received.v1"]
    drawn = done("timeline", dossier["code"], "--sandbox", created, "--lang", "vi")
    assert story[-1]["text_vi"] in drawn
    assert told("dead", "list", "--sandbox", created) == told("dead", "redrive", "--all", "--sandbox", created) == []


def test_a_sandbox_begins_with_modes_and_faults(lienthong_sync: Country) -> None:
    words = (
        "--seed",
        "spring",
        "--mode",
        "37=manual",
        "--mode",
        "*=simulated:at_once",
        "--fault",
        "bank-down",
        "--json",
    )
    created = json.loads(command("sandbox", "create", *words, url=lienthong_sync.url).stdout)
    sandbox = lienthong_sync.enter(created["id"])
    modes = {row["province"]: (row["mode"], row["tempo"]) for row in sandbox.modes()}
    assert (modes["37"], modes["01"]) == (("manual", None), ("simulated", "at_once"))
    assert [rule["id"] for rule in sandbox.faults.rules()] == ["bank-down"]
    for province, commune, state in (("37", "14464", "submitted"), ("01", "00004", "result_returned")):
        dossier = sandbox.citizen("lan").submit("1.001776", province, commune)
        sandbox.settle()
        assert sandbox.citizen("lan").dossier(dossier["code"])["status"]["slug"] == state
    lienthong_sync.delete_sandbox(sandbox.id)


@pytest.mark.parametrize("said", ["37", "=manual"])
def test_a_mode_that_names_nobody_is_refused_before_anybody_is_asked(said: str) -> None:
    done = command("sandbox", "create", "--mode", said, url=None)
    assert done.returncode == 2 and "is not PROVINCE=MODE[:TEMPO|DOOR]" in done.stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["sandbox", "show", "nowhere"], "POST /_lab/sandboxes"),
        (["sandbox", "delete", "default"], "The default sandbox cannot be deleted; `lienthong reset`"),
        (["sandbox", "create", "--ttl", "soon"], "/time_to_live: 'soon' is not a duration such as 3d"),
        (["sandbox", "create", "--start", "yesterday"], "/start: 'yesterday' is not an RFC 3339 time"),
        (["sandbox", "create", "--mode", "73=manual"], "/modes/73: '73' is no province"),
        (["sandbox", "create", "--fault", "bank-dwon"], "there is no fault 'bank-dwon'"),
        (["clock", "show", "--sandbox", "nowhere"], "POST /_lab/sandboxes"),
        (
            ["clock", "set", "2026-01-01T08:00:00+07:00", "--default"],
            "Choose a time that is not in the past: the sandbox time is 20",
        ),
        (
            ["clock", "advance", "2026-01-01T08:00:00+07:00", "--default"],
            "Choose a time that is not in the past: the sandbox time is 20",
        ),
        (["clock", "advance", "--by", "3 days", "--default"], "/by: '3 days' is not a duration such as 3d"),
        (["dead", "show", "portal", "4711"], "/_lab/dead-letters"),
        (["dead", "edit", "portal", "4711", "--set", "officer=Lan"], "/_lab/dead-letters"),
        (["dead", "redrive", "gateway", "4711"], "/_lab/dead-letters"),
        (["timeline", "H42-20260609-0000001"], "check the code"),
    ],
)
def test_a_refusal_is_one_sentence_that_says_what_to_do(lienthong_sync: Country, words: list[str], hint: str) -> None:
    done = command(*words, url=lienthong_sync.url)
    assert done.returncode == 1
    assert hint in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("number", ["inf", "nan", "-1"])
@pytest.mark.parametrize(
    "words",
    [["sandbox", "create", "--rate"], ["clock", "rate", "--"], ["fault", "on", "bank-down", "--probability"]],
    ids=" ".join,
)
def test_a_number_that_is_no_number_is_refused_before_anybody_is_asked(words: list[str], number: str) -> None:
    done = command(*words, number, url=None)
    assert done.returncode == 2 and "must be " in done.stderr and "Traceback" not in done.stderr


def test_one_that_is_gone_says_why_at_every_verb(lienthong_sync: Country) -> None:
    def gone(id: str) -> str:
        return command("sandbox", "show", id, url=lienthong_sync.url).stderr

    deleted, over = (lienthong_sync.create_sandbox(time_to_live=lives)["id"] for lives in ("1h", "1s"))
    lienthong_sync.delete_sandbox(deleted)
    while not gone(over):
        pass
    for id, why in ((deleted, "It was deleted; its id is never used again."), (over, "It expired at 2")):
        for words in (
            ["sandbox", "delete", id],
            ["settle", "--sandbox", id],
            ["clock", "advance", "1d", "--sandbox", id],
        ):
            done = command(*words, url=lienthong_sync.url)
            assert (done.returncode, done.stdout) == (1, "")
            assert why in done.stderr and "`lienthong sandbox create`" in done.stderr
            assert len(done.stderr.strip().splitlines()) == 1
