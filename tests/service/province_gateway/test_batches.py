"""The batch door: many registrations or moves in one request, each with an outcome of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from contracts import lifecycle as law
from services.province_gateway.api.batches import MOST_ITEMS
from tests.support.country import Country, Sandbox, pointers, problem
from tests.support.factories import COMMUNE, COPY, FREE, PROVINCE
from tests.support.office import APPLICANT, Office


class Pusher(Office):
    """A provincial system that pushes what it has at its counters."""

    async def push(self, name: str, items: Any, **more: Any) -> Any:
        path = f"/api/v1/provinces/{self.province}/{name}"
        headers = self.sandbox.header | {"Content-Type": "application/json"}
        body = json.dumps({"dossiers" if name == "registrations" else "moves": items, **more})
        return await self.country.ask("gateway", "POST", path, content=body.encode(), headers=headers)

    async def pushed(self, name: str, *items: Any) -> list[dict[str, Any]]:
        answer = await self.push(name, items)
        assert answer.status_code == 200, answer.text
        reply = answer.json()
        counts = {outcome: reply[outcome] for outcome in ("accepted", "already_known", "refused")}
        outcomes: list[dict[str, Any]] = reply["outcomes"]
        assert counts == {name: sum(each["outcome"] == name for each in outcomes) for name in counts}
        assert len(outcomes) == len(items)
        return outcomes


def a_dossier(key: str, **change: Any) -> dict[str, Any]:
    return {"key": key, "procedure": FREE, "commune": COMMUNE, "applicant": APPLICANT, **change}


def words(outcomes: list[dict[str, Any]]) -> list[str]:
    return [each["outcome"] for each in outcomes]


@pytest.fixture
def province(sandbox: Sandbox) -> Pusher:
    return Pusher(sandbox)


# --- registrations ----------------------------------------------------------------------------------------------------------
async def test_a_batch_is_registered_as_single_requests_would_be(country: Country, province: Pusher) -> None:
    items = [a_dossier("k1"), a_dossier("k2", commune="14488"), a_dossier("k3", channel="public_postal")]
    outcomes = await province.pushed("registrations", *items)
    neighbour = Office(await country.sandbox(seed="seed-1", start=province.sandbox.start))
    single = [await neighbour.registered(**{name: each[name] for name in each if name != "key"}) for each in items]
    assert [each["dossier"] for each in outcomes] == single
    codes = [each["dossier"]["code"] for each in outcomes]
    assert codes == ["H42.14464-260609-0001", "H42.14488-260609-0001", "H42.14464-260609-0002"]
    for code in codes:
        assert await province.told(code) == await neighbour.told(code)


async def test_the_portal_gets_what_was_pushed(province: Pusher) -> None:
    outcomes = await province.pushed("registrations", *(a_dossier(f"k{number}") for number in range(50)))
    await province.sandbox.carry()
    rows = await province.country.portal.database.fetch(
        "SELECT code FROM dossiers WHERE sandbox = $1 ORDER BY code", province.sandbox.id
    )
    assert [row["code"] for row in rows] == sorted(each["dossier"]["code"] for each in outcomes)


async def test_a_batch_that_is_sent_again_registers_nothing_twice(province: Pusher) -> None:
    first = await province.pushed("registrations", a_dossier("k1"), a_dossier("k2"))
    again = await province.pushed("registrations", a_dossier("k2"), a_dossier("k1"), a_dossier("k3"))
    assert words(again) == ["already_known", "already_known", "accepted"]
    assert [each["dossier"] for each in again[:2]] == [first[1]["dossier"], first[0]["dossier"]]
    assert again[2]["dossier"]["code"].endswith("-0003")


async def test_a_key_is_the_same_at_both_doors(province: Pusher) -> None:
    single = await province.registered(key="k1", procedure=FREE)
    (known,) = await province.pushed("registrations", a_dossier("k1"))
    assert (known["outcome"], known["dossier"]) == ("already_known", single)
    (pushed,) = await province.pushed("registrations", a_dossier("k2"))
    assert (await province.registered(key="k2", procedure=FREE)) == pushed["dossier"]
    (reused,) = await province.pushed("registrations", a_dossier("k1", note="khác"))
    assert reused["problem"]["type"] == "/problems/idempotency-key-reused"


async def test_a_key_that_a_batch_has_twice_counts_once(province: Pusher) -> None:
    twice = await province.pushed("registrations", a_dossier("k1"), a_dossier("k1"), a_dossier("k1", note="khác"))
    assert words(twice) == ["accepted", "already_known", "refused"]
    assert twice[0]["dossier"] == twice[1]["dossier"]
    assert twice[2]["problem"]["type"] == "/problems/idempotency-key-reused"
    wrong = a_dossier("k2", commune=None)
    assert words(await province.pushed("registrations", wrong, wrong)) == ["refused", "refused"]


async def test_the_same_batch_ten_times_at_once_is_registered_once(province: Pusher) -> None:
    items = [a_dossier(f"k{number}") for number in range(20)]
    batches = [province.pushed("registrations", *items) for _ in range(10)]
    singles = [province.register(key=f"k{number}", procedure=FREE) for number in range(20)]
    outcomes, answers = await asyncio.gather(asyncio.gather(*batches), asyncio.gather(*singles))
    codes = {each["key"]: {each["dossier"]["code"]} for each in outcomes[0]}
    for each in (each for batch in outcomes for each in batch):
        codes[each["key"]].add(each["dossier"]["code"])
    for number, answer in enumerate(answers):
        codes[f"k{number}"].add(answer.json()["code"])
    assert all(len(each) == 1 for each in codes.values())
    assert {code for each in codes.values() for code in each} == {f"H42.14464-260609-{n:04d}" for n in range(1, 21)}


async def test_what_is_refused_leaves_nothing_and_its_key_free(province: Pusher) -> None:
    outcomes = await province.pushed(
        "registrations",
        a_dossier("good-1"),
        a_dossier("no-procedure", procedure="9.999999"),
        a_dossier("elsewhere", commune="00070"),
        a_dossier("good-2"),
    )
    assert words(outcomes) == ["accepted", "refused", "refused", "accepted"]
    assert [each["pointer"] for each in outcomes] == [f"/dossiers/{index}" for index in range(4)]
    slugs = [each["problem"]["type"] for each in outcomes if each["outcome"] == "refused"]
    assert slugs == ["/problems/procedure-not-found", "/problems/commune-outside-authority"]
    assert outcomes[3]["dossier"]["code"] == "H42.14464-260609-0002"
    (mended,) = await province.pushed("registrations", a_dossier("elsewhere"))
    assert mended["outcome"] == "accepted"


MISFITS: dict[str, tuple[Any, list[str]]] = {
    "null": (None, ["/dossiers/1"]),
    "a number": (7, ["/dossiers/1"]),
    "a list": ([], ["/dossiers/1"]),
    "no members": (
        {},
        [f"/dossiers/1/{name}" for name in ("procedure", "commune", "applicant", "key")],
    ),
    "no key": ({name: each for name, each in a_dossier("k").items() if name != "key"}, ["/dossiers/1/key"]),
    "an empty key": (a_dossier(""), ["/dossiers/1/key"]),
    "a key with a space": (a_dossier("k 1"), ["/dossiers/1/key"]),
    "a real number of a person": (
        a_dossier("k", applicant={"id": "037190000123", "name": "A"}),
        ["/dossiers/1/applicant/id"],
    ),
    "an unknown member": (a_dossier("k", colour="red"), ["/dossiers/1/colour"]),
    "a lone surrogate": (a_dossier("k", note="\ud800"), ["/dossiers/1/note"]),
    "NUL": (a_dossier("k", applicant={**APPLICANT, "name": "A\x00"}), ["/dossiers/1/applicant/name"]),
    "a paper of a wrong form": (
        a_dossier("k", papers=[{"component": "other", "form": "stone"}]),
        ["/dossiers/1/papers/0/form"],
    ),
}


@pytest.mark.parametrize("name", MISFITS)
async def test_an_item_that_does_not_fit_is_refused_alone(province: Pusher, name: str) -> None:
    item, expected = MISFITS[name]
    before, misfit, after = await province.pushed("registrations", a_dossier("k1"), item, a_dossier("k2"))
    assert (before["outcome"], after["outcome"]) == ("accepted", "accepted")
    assert (misfit["outcome"], misfit["problem"]["type"]) == ("refused", "/problems/body-does-not-fit")
    assert [each["pointer"] for each in misfit["problem"]["errors"]] == expected


async def test_a_batch_has_limits_and_says_them(province: Pusher) -> None:
    assert pointers(await province.push("registrations", [])) == ["/dossiers"]
    many = await province.push("registrations", [a_dossier(f"k{n}") for n in range(MOST_ITEMS + 1)])
    assert pointers(many) == ["/dossiers"] and str(MOST_ITEMS) in many.text
    assert pointers(await province.push("registrations", "all")) == ["/dossiers"]
    assert pointers(await province.push("registrations", [a_dossier("k")], more=1)) == ["/more"]
    problem(await province.push("registrations", [a_dossier("k", note="x" * 1_100_000)]), 413, "body-too-large")
    full = await province.pushed("registrations", *(a_dossier(f"k{n}") for n in range(MOST_ITEMS)))
    assert words(full) == ["accepted"] * MOST_ITEMS


async def test_who_may_not_act_for_the_province_gets_no_outcomes(country: Country, sandbox: Sandbox) -> None:
    problem(await Pusher(sandbox, "99").push("registrations", [a_dossier("k")]), 404, "province-not-found")
    mode = {"mode": "external", "via": "pull"}
    path = f"/_lab/sandboxes/{sandbox.id}/modes/{PROVINCE}"
    assert (await country.ask("portal", "PUT", path, json=mode)).status_code == 200
    problem(await Pusher(sandbox).push("registrations", [a_dossier("k")]), 409, "connector-decides")
    problem(
        await Pusher(sandbox).push("moves", [{"key": "k", "code": "x", "does": law.START}]), 409, "connector-decides"
    )


# --- moves ------------------------------------------------------------------------------------------------------------------
async def test_moves_are_made_in_order_and_each_has_its_outcome(province: Pusher) -> None:
    one, other = [(await province.registered(procedure=FREE))["code"] for _ in range(2)]
    fee = (await province.registered(procedure=COPY))["code"]
    moves = [
        {"key": "m1", "code": one, "does": law.START},
        {"key": "m2", "code": one, "does": law.FINISH},
        {"key": "m3", "code": other, "does": law.FINISH},
        {"key": "m4", "code": fee, "does": law.TAKE_PAYMENT},
        {"key": "m5", "code": "H42.14464-260609-9999", "does": law.START},
    ]
    outcomes = await province.pushed("moves", *moves)
    assert words(outcomes) == ["accepted", "accepted", "refused", "accepted", "refused"]
    slugs = [each["problem"]["type"] for each in outcomes if each["outcome"] == "refused"]
    assert slugs == ["/problems/move-not-allowed", "/problems/dossier-not-found"]
    assert outcomes[1]["dossier"]["status"]["slug"] == "result_ready"
    assert (await province.told(fee))[-1]["receipts"][0]["number"] == 1
    again = await province.pushed("moves", *moves)
    assert words(again) == ["already_known", "already_known", "refused", "already_known", "refused"]
    assert (await province.move(one, law.START, key="m1")).json() == outcomes[0]["dossier"]


async def test_a_batch_waits_for_a_dossier_that_is_on_its_way_as_a_single_move_does(
    sandbox: Sandbox, province: Pusher
) -> None:
    code = await (await sandbox.sign_in("lan")).submitted()
    moves = [
        {"key": "m1", "code": code, "does": law.RECEIVE},
        {"key": "m2", "code": "H42.14464-260609-9999", "does": law.RECEIVE},
    ]
    pushed = asyncio.create_task(province.pushed("moves", *moves))
    await asyncio.wait([pushed], timeout=0.3)  # the portal has been asked for both
    assert not pushed.done()
    await sandbox.carry()
    outcomes = await pushed
    assert words(outcomes) == ["accepted", "refused"]
    assert outcomes[1]["problem"]["type"] == "/problems/dossier-not-found"


async def test_no_province_moves_the_dossier_of_another(province: Pusher) -> None:
    code = (await province.registered(procedure=FREE))["code"]
    (outcome,) = await Pusher(province.sandbox, "01").pushed("moves", {"key": "m", "code": code, "does": law.START})
    assert outcome["problem"]["type"] == "/problems/dossier-not-found"


@pytest.mark.parametrize("item", [None, {}, {"key": "m", "code": "", "does": "fly"}, {"key": "m", "code": "\x00" * 3}])
async def test_a_move_that_does_not_fit_is_refused_alone(province: Pusher, item: Any) -> None:
    code = (await province.registered(procedure=FREE))["code"]
    outcomes = await province.pushed("moves", item, {"key": "m1", "code": code, "does": law.START})
    assert words(outcomes) == ["refused", "accepted"]
