"""Faults in the hands of somebody at a terminal: listed, told of, switched on and off; the page is what the list prints."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lienthong import sync
from lienthong.cli import fault as verbs
from lienthong.client import Country, Problem
from tests.support.command import command


@pytest.fixture
def sandbox(lienthong_sync: sync.Country) -> Iterator[str]:
    created = command(
        "sandbox", "create", "--seed", "faults", "--start", "2026-06-09T08:00:00+07:00", url=lienthong_sync.url
    )
    assert created.returncode == 0, created.stderr
    yield created.stdout.strip()
    command("sandbox", "delete", created.stdout.strip(), url=lienthong_sync.url)


def said(lienthong_sync: sync.Country, *words: str) -> str:
    done = command("fault", *words, url=lienthong_sync.url)
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(lienthong_sync: sync.Country, *words: str) -> Any:
    return json.loads(said(lienthong_sync, *words, "--json"))


def test_faults_are_listed_for_people_and_programs(lienthong_sync: sync.Country) -> None:
    named = told(lienthong_sync, "list")
    assert len(named) >= 30
    assert {fault["family"] for fault in told(lienthong_sync, "list", "--family", "payment")} == {"payment"}
    listed = said(lienthong_sync, "list", "--lang", "vi")
    assert all(fault["name"] in listed and fault["title_vi"] in listed for fault in named)


def test_a_named_fault_is_told_of_in_full(lienthong_sync: sync.Country) -> None:
    shown = said(lienthong_sync, "show", "confirmation-late")
    for words in ("The payer has paid", "sent at once", "QUERY", "province, dossier", "by (a duration of"):
        assert words in shown
    assert "lienthong fault on confirmation-late --with by=1d" in shown
    assert told(lienthong_sync, "show", "confirmation-late")["name"] == "confirmation-late"


def test_a_fault_is_switched_on_shown_and_switched_off(lienthong_sync: sync.Country, sandbox: str) -> None:
    where = ("--sandbox", sandbox)
    assert said(lienthong_sync, "show", *where) == "No fault is on.\n"
    wish = ("http-error", "--match", "path=/api/v1/procedures", "--match", "service=portal", "--with", "status=502")
    rule = told(lienthong_sync, "on", *wish, "--nth", "2", "--id", "mine", *where)
    assert (rule["id"], rule["with"], rule["nth"]) == ("mine", {"status": 502}, 2)
    said_on = said(lienthong_sync, "on", "bank-down", "--until", "2026-06-10T08:00:00+07:00", *where)
    assert "Off again: lienthong fault off bank-down --sandbox" in said_on and "2026-06-10T08:00" in said_on
    rows = said(lienthong_sync, "show", *where)
    assert "once in 2 times" in rows and "path=/api/v1/procedures service=portal status=502" in rows
    assert {each["id"] for each in told(lienthong_sync, "show", *where)} == {"mine", "bank-down"}
    assert said(lienthong_sync, "off", "mine", *where) == "mine is off.\n"
    assert said(lienthong_sync, "off", "--all", *where) == "All faults are off.\n"
    assert told(lienthong_sync, "show", *where) == []


def test_what_bit_nobodys_dossier_is_told_in_the_story_of_everything(
    lienthong_sync: sync.Country, sandbox: str
) -> None:
    where = ("--sandbox", sandbox)
    told(lienthong_sync, "on", "provider-down", "--id", "down", *where)
    issuer = json.loads(command("sandbox", "show", sandbox, "--json", url=lienthong_sync.url).stdout)["issuer"]
    assert httpx.get(f"{issuer}/jwks", timeout=60).status_code == 503
    story = command("timeline", "*", *where, "--lang", "en", url=lienthong_sync.url)
    assert "Fault 'down': The identity" in story.stdout
    (rule,) = told(lienthong_sync, "show", *where)
    assert (rule["seen"], rule["fired"]) == (1, 1)


async def test_every_example_of_the_page_can_be_typed(lienthong_sync: sync.Country, sandbox: str) -> None:
    """Two through a process of their own, the others by what the command asks of the door."""
    async with Country(lienthong_sync.url) as country:
        here = country.enter(sandbox)
        for fault in await country.faults():
            example = {**fault["example"]}
            words = {"with": "settings", "from": "since"}
            rule = await here.faults.on(
                example.pop("fault"), **{words.get(key, key): each for key, each in example.items()}
            )
            assert all(
                rule[word] == each for word, each in fault["example"].items() if word not in ("with", "from", "until")
            )
            await here.faults.off(rule["id"])
        typed = {fault["name"]: shlex.split(verbs.command(fault["example"]))[2:] for fault in await country.faults()}
    for name in ("http-error", "bank-down"):
        assert told(lienthong_sync, *typed[name], "--sandbox", sandbox)["fault"] == name


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (
            ["on", "confirmation-lat"],
            "/fault: there is no fault 'confirmation-lat'; the nearest is 'confirmation-late'",
        ),
        (["on", "confirmation-late", "--with", "by=soon"], "/with/by: 'soon' is not a duration such as 3d"),
        (["on", "confirmation-late", "--with", "bye=1d"], "the nearest is 'by'"),
        (["on", "confirmation-late", "--match", "provence=37"], "the nearest is 'province'"),
        (["on", "confirmation-late", "--nth", "2", "--times", "1"], "/times: contradicts nth"),
        (["on", "confirmation-late", "--sandbox", "nowhere"], "POST /_lab/sandboxes"),
        (
            ["off", "confirmation-late", "--sandbox", "SANDBOX"],
            "No rule 'confirmation-late' is on. Rules that are on: none",
        ),
        (["show", "confirmation-lat"], "the nearest is 'confirmation-late'"),
        (["list", "--family", "paymnt"], "the nearest is 'payment'"),
    ],
)
def test_a_refusal_is_one_sentence_that_says_what_to_do(
    lienthong_sync: sync.Country, sandbox: str, words: list[str], hint: str
) -> None:
    done = command("fault", *(sandbox if word == "SANDBOX" else word for word in words), url=lienthong_sync.url)
    assert done.returncode == 1
    assert hint in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["on", "bank-down", "--match", "province"], "KEY=VALUE"),
        (["on", "bank-down", "--match", "=37"], "KEY=VALUE"),
        (["on", "http-error", "--with", "status=500", "--with", "status=502"], "given twice"),
        (["off"], "--all"),
        (["off", "bank-down", "--all"], "--all"),
    ],
)
def test_words_that_are_no_command_are_refused_before_anybody_is_asked(words: list[str], hint: str) -> None:
    done = command("fault", *words, url=None)
    assert done.returncode == 2 and hint in done.stderr


async def test_two_that_contradict_are_told_apart_by_the_client(lienthong_sync: sync.Country, sandbox: str) -> None:
    async with Country(lienthong_sync.url) as country:
        here = country.enter(sandbox)
        await here.faults.on("confirmation-late")
        with pytest.raises(Problem) as refused:
            await here.faults.on("confirmation-missing")
        assert refused.value.type == "rules-contradict" and refused.value.facts["rule"] == "confirmation-late"
        done = command("fault", "on", "confirmation-missing", "--sandbox", sandbox, url=lienthong_sync.url)
        assert (
            done.returncode == 1
            and "Rule 'confirmation-late'" in done.stderr
            and "remove one of the two" in done.stderr
        )
        await here.faults.off()
        assert await here.faults.rules() == []
