"""A sandbox in the hands of somebody at a terminal: created, looked at, turned, deleted; refusals are one sentence."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lienthong.client import Country
from lienthong.embedded.stack import Stack
from tests.support.command import lienthong, portal

START = "2026-06-09T08:00:00.000+07:00"


@pytest.fixture
def sandbox(stack: Stack) -> Iterator[str]:
    created = lienthong("sandbox", "create", "--seed", "verbs", "--name", "of hands", "--start", START, stack=stack)
    assert created.returncode == 0, created.stderr
    yield created.stdout.strip()
    deleted = lienthong("sandbox", "delete", created.stdout.strip(), "--json", stack=stack)
    assert json.loads(deleted.stdout)["deleted"] is True


def _told(stack: Stack, *words: str) -> Any:
    done = lienthong(*words, "--json", stack=stack)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_a_sandbox_is_shown_turned_and_found_still(stack: Stack, sandbox: str) -> None:
    assert _told(stack, "sandbox", "show", sandbox)["name"] == "of hands"
    assert _told(stack, "clock", "show", "--sandbox", sandbox) == {"now": START, "rate": 0}
    async with Country(portal(stack)) as country:
        dossier = await country.enter(sandbox).citizen("lan").submit("1.001193", "37", "14464")

    settled = _told(stack, "settle", "--sandbox", sandbox)
    assert settled["verdict"] == "still" and settled["next_due"] == "2026-06-09T10:00:00.000+07:00"
    turned = lienthong("clock", "advance", "--by", "P3D", "--sandbox", sandbox, stack=stack)
    assert "now 2026-06-12T08:00:00.000+07:00" in turned.stdout and dossier["code"] in turned.stdout
    later = "2026-07-01T08:00:00.000+07:00"
    assert _told(stack, "clock", "set", later, "--sandbox", sandbox)["now"] == later

    story = _told(stack, "timeline", dossier["code"], "--sandbox", sandbox)
    assert [entry["event"] for entry in story][:2] == ["dossier.submitted.v1", "dossier.received.v1"]
    drawn = lienthong("timeline", dossier["code"], "--sandbox", sandbox, "--lang", "vi", stack=stack)
    assert story[-1]["text_vi"] in drawn.stdout
    assert _told(stack, "dead", "list", "--sandbox", sandbox) == []


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["sandbox", "show", "nowhere"], "POST /_lab/sandboxes"),
        (["sandbox", "delete", "default"], "lienthong reset"),
        (["sandbox", "create", "--start", "yesterday"], "/start: 'yesterday' is not an RFC 3339 time"),
        (["clock", "show", "--sandbox", "nowhere"], "POST /_lab/sandboxes"),
        (["clock", "advance", "--by", "3 days"], "/by: '3 days' is not a duration such as 3d"),
        (["dead", "show", "portal", "4711"], "/_lab/dead-letters"),
        (["timeline", "H42-20260609-0000001"], "check the code"),
    ],
)
def test_a_refusal_is_one_sentence_that_says_what_to_do(stack: Stack, words: list[str], hint: str) -> None:
    done = lienthong(*words, stack=stack)
    assert done.returncode == 1
    assert hint in done.stderr and len(done.stderr.strip().splitlines()) == 1
