"""Faults switched on and off at the portal's test door: what it takes, what it refuses, what it shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.faults import CATALOGUE
from tests.support.country import URLS, Citizen, Country, Sandbox, pointers, problem

SERVICES = ("portal", "gateway", "identity", "payment")
LATE = {"fault": "confirmation-late"}


class Rules:
    """The door of one sandbox's rules."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.country, self.path = sandbox.country, f"/_lab/sandboxes/{sandbox.id}/faults"

    async def post(self, body: Any, **options: Any) -> httpx.Response:
        return await self.country.ask("portal", "POST", self.path, json=body, **options)

    async def on(self, fault: str, **wish: Any) -> dict[str, Any]:
        answer = await self.post({"fault": fault, **wish})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def shown(self) -> list[dict[str, Any]]:
        answer = await self.country.ask("portal", "GET", self.path)
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    async def off(self, id: str = "") -> httpx.Response:
        return await self.country.ask("portal", "DELETE", self.path + (f"/{id}" if id else ""))


@pytest.fixture
def rules(sandbox: Sandbox) -> Rules:
    return Rules(sandbox)


# --- the door -----------------------------------------------------------------------------------------------------------
async def test_a_rule_is_shown_as_it_was_asked_for_and_complete(rules: Rules) -> None:
    wish = {"match": {"province": "37"}, "nth": 2, "from": "2026-06-09T08:00:00+07:00", "until": "2026-06-10T01:00:00Z"}
    shown = await rules.on("confirmation-late", id="mine", **wish)
    assert shown == {
        "id": "mine",
        "fault": "confirmation-late",
        "match": {"province": "37"},
        "with": {"by": "2h"},
        "title_en": "The confirmation is late",
        "title_vi": "Xác nhận đến muộn",
        "nth": 2,
        "times": None,
        "probability": None,
        "seen": 0,
        "fired": 0,
        "from": "2026-06-09T08:00:00.000+07:00",
        "until": "2026-06-10T08:00:00.000+07:00",
    }
    assert await rules.shown() == [shown]


async def test_every_service_has_the_rule_when_the_door_answers(
    country: Country, sandbox: Sandbox, rules: Rules
) -> None:
    await rules.on("http-error", match={"path": "/nowhere"})
    runtimes = [country.apps[service].state.runtime for service in SERVICES]
    assert all(runtime.watches(sandbox.id, "http") for runtime in runtimes)
    assert (await rules.off("http-error")).status_code == 204
    assert not any(sandbox.id in runtime.faults for runtime in runtimes)


async def test_rules_are_switched_off_one_by_one_or_all(rules: Rules) -> None:
    for fault in ("confirmation-late", "bank-down", "provider-down"):
        await rules.on(fault)
    assert (await rules.off("bank-down")).status_code == 204
    assert [rule["id"] for rule in await rules.shown()] == ["confirmation-late", "provider-down"]
    refused = problem(await rules.off("provider-dwn"), 404, "fault-rule-not-found")
    assert "the nearest is 'provider-down'" in refused["detail"] and refused["known"] == [
        "confirmation-late",
        "provider-down",
    ]
    assert (await rules.off()).status_code == 204 and await rules.shown() == []
    assert (await rules.off()).status_code == 204, "as often as one likes"


async def test_two_rules_that_contradict_are_refused(rules: Rules) -> None:
    await rules.on("confirmation-late", match={"province": "37"})
    refused = problem(await rules.post({"fault": "confirmation-missing"}), 409, "rules-contradict")
    assert (refused["rule"], refused["edge"]) == ("confirmation-late", "payment.confirm")
    await rules.on("confirmation-missing", match={"province": "01"})
    assert len(await rules.shown()) == 2


async def test_a_rule_that_never_fires_again_contradicts_nothing(
    country: Country, sandbox: Sandbox, rules: Rules
) -> None:
    where = {"service": "gateway", "path": "/api/v1/provinces/37/dossiers"}
    await rules.on("http-error", id="once", match=where, times=1)
    wish = {"fault": "http-error", "match": where}
    problem(await rules.post({**wish, "id": "more"}), 409, "rules-contradict")
    assert (await country.ask("gateway", "GET", where["path"], headers=sandbox.header)).status_code == 503
    await rules.on("http-error", id="more", match=where, times=1)
    assert (await country.ask("gateway", "GET", where["path"], headers=sandbox.header)).status_code == 503
    everywhere = {"fault": "http-slow-body", "id": "everywhere", "match": {"path": "*"}, "times": 1}
    assert (await rules.post(everywhere)).status_code == 201, "both are used up"
    problem(await rules.post({**everywhere, "id": "again"}), 409, "rules-contradict")

    end = datetime.fromisoformat(sandbox.start) + timedelta(hours=1)
    await rules.on("confirmation-late", until=end.isoformat())
    problem(await rules.post({"fault": "confirmation-missing"}), 409, "rules-contradict")
    await sandbox.move(hours=1)
    await rules.on("confirmation-missing")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"fault": "confirmation-lat"}, "/fault"),
        ({}, "/fault"),
        ({"fault": 1}, "/fault"),
        ({**LATE, "with": {"by": "soon"}}, "/with/by"),
        ({**LATE, "with": {"bye": "1d"}}, "/with/bye"),
        ({**LATE, "with": []}, "/with"),
        ({**LATE, "match": {"persona": "lan"}}, "/match/persona"),
        ({**LATE, "match": {"province": 37}}, "/match/province"),
        ({**LATE, "match": {"province": ""}}, "/match/province"),
        ({**LATE, "nth": 0}, "/nth"),
        ({**LATE, "nth": "2"}, "/nth"),
        ({**LATE, "times": -1}, "/times"),
        ({**LATE, "probability": 0}, "/probability"),
        ({**LATE, "probability": 1.1}, "/probability"),
        ({**LATE, "nth": 1, "times": 1}, "/times"),
        ({**LATE, "from": "tomorrow"}, "/from"),
        ({**LATE, "until": "2026-06-09T08:00:00"}, "/until"),
        ({**LATE, "from": "2026-06-10T08:00:00Z", "until": "2026-06-09T08:00:00Z"}, "/until"),
        ({**LATE, "id": "with space"}, "/id"),
        ({**LATE, "id": ""}, "/id"),
        ({**LATE, "since": "2026-06-10T08:00:00Z"}, "/since"),
        ({**LATE, "often": 2}, "/often"),
        ({"fault": "key-rotated", "times": 1}, "/times"),
    ],
    ids=str,
)
async def test_what_is_no_rule_is_pointed_at(rules: Rules, body: Any, where: str) -> None:
    assert pointers(await rules.post(body)) == [where]
    assert await rules.shown() == []


async def test_another_sandboxs_key_switches_nothing(country: Country, sandbox: Sandbox, rules: Rules) -> None:
    other = (await country.ask("portal", "POST", "/_lab/sandboxes")).json()
    key = {"X-Api-Key": other["api_key"]}
    problem(await rules.post(LATE, headers=key), 403, "sandbox-mismatch")
    for method, path in (("GET", rules.path), ("DELETE", rules.path), ("DELETE", f"{rules.path}/confirmation-late")):
        problem(await country.ask("portal", method, path, headers=key), 403, "sandbox-mismatch")
    problem(await rules.post(LATE, headers={"X-Api-Key": "nonsense"}), 401, "api-key-unknown")
    own = (await country.ask("portal", "GET", f"/_lab/sandboxes/{sandbox.id}")).json()["api_key"]
    assert (await rules.post(LATE, headers={"X-Api-Key": own})).status_code == 201


async def test_a_sandbox_that_is_not_there_has_no_rules(country: Country, sandbox: Sandbox, rules: Rules) -> None:
    await rules.on("bank-down")
    await country.ask("portal", "DELETE", f"/_lab/sandboxes/{sandbox.id}")
    problem(await rules.post(LATE), 404, "sandbox-not-found")
    problem(await rules.off(), 404, "sandbox-not-found")
    problem(await country.ask("portal", "GET", "/_lab/sandboxes/nobody/faults"), 404, "sandbox-not-found")
    assert not any(sandbox.id in country.apps[service].state.runtime.faults for service in SERVICES)


async def test_a_service_that_is_silent_is_named_and_told_later(
    country: Country, sandbox: Sandbox, rules: Rules
) -> None:
    async with country.silent("payment", "/_lab/sandboxes"):
        refused = problem(await rules.post(LATE), 503, "service-down")
        assert refused["lagging"] == ["payment"]
        assert [rule["id"] for rule in await rules.shown()] == ["confirmation-late"], "it is on, though not everywhere"
    assert not country.apps["payment"].state.runtime.watches(sandbox.id, "payment.confirm")
    await country.ask("portal", "POST", f"/_lab/sandboxes/{sandbox.id}/settle", json={"timeout_seconds": 5})
    assert country.apps["payment"].state.runtime.watches(sandbox.id, "payment.confirm")


async def test_the_catalogue_is_told_page_by_page_and_by_family(country: Country) -> None:
    told: list[str] = []
    path: str | None = "/_lab/faults?page_size=7"
    while path:
        answer = await country.ask("portal", "GET", path)
        told += [fault["name"] for fault in answer.json()]
        path = answer.links["next"]["url"] if "next" in answer.links else None
    assert told == [fault.name for fault in CATALOGUE]
    (late,) = [
        fault
        for fault in (await country.ask("portal", "GET", "/_lab/faults?family=payment")).json()
        if fault["name"] == "confirmation-late"
    ]
    assert late["family"] == "payment" and late["example"] == {"fault": "confirmation-late", "with": {"by": "1d"}}
    (by,) = late["settings"]
    assert (by["name"], by["kind"], by["default"], by["least"]) == ("by", "duration", "2h", 1)
    assert pointers(await country.ask("portal", "GET", "/_lab/faults?family=paymnt")) == ["/query/family"]


# --- what it does -------------------------------------------------------------------------------------------------------
async def procedures(sandbox: Sandbox, service: str = "portal") -> int:
    """Status of a request that reads and changes nothing."""
    path = {"portal": "/api/v1/procedures", "gateway": "/api/v1/provinces/37/dossiers"}[service]
    return (await sandbox.country.ask(service, "GET", path, headers=sandbox.header)).status_code


async def test_a_rule_replaced_counts_anew(sandbox: Sandbox, rules: Rules) -> None:
    await rules.on("http-error", id="mine", times=1)
    assert [await procedures(sandbox) for _ in range(3)] == [503, 200, 200]
    (shown,) = await rules.shown()
    assert (shown["seen"], shown["fired"]) == (3, 1)
    again = await rules.on("http-error", id="mine", times=1, **{"with": {"status": 500}})
    assert (again["seen"], again["fired"]) == (0, 0)
    assert [await procedures(sandbox) for _ in range(2)] == [500, 200]


async def test_what_all_services_counted_is_added(sandbox: Sandbox, rules: Rules) -> None:
    await rules.on("http-error", nth=2, match={"method": "GET"})
    assert [await procedures(sandbox, "portal") for _ in range(4)] == [200, 503, 200, 503]
    assert [await procedures(sandbox, "gateway") for _ in range(3)] == [200, 503, 200], "each service counts by itself"
    (shown,) = await rules.shown()
    assert (shown["seen"], shown["fired"]) == (7, 3)


async def test_the_same_seed_and_the_same_calls_are_hit_alike(country: Country) -> None:
    struck = []
    for seed in ("lot", "lot", "another"):
        sandbox = await country.sandbox(seed=seed, start="2026-06-09T08:00:00+07:00")
        await Rules(sandbox).on("http-too-many-requests", probability=0.4, match={"service": "portal"})
        struck.append([await procedures(sandbox) for _ in range(25)])
    assert struck[0] == struck[1] != struck[2]
    assert set(struck[0]) == {200, 429}


async def test_while_everything_fails_the_test_doors_answer(country: Country, sandbox: Sandbox, rules: Rules) -> None:
    await rules.on("http-error")
    untouched = (
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        f"/_lab/sandboxes/{sandbox.id}/pending",
        "/_lab/timeline/*",
    )
    for service in SERVICES:
        for path in untouched if service != "portal" else untouched[:-2]:
            answer = await country.ask(service, "GET", path, headers=sandbox.header)
            assert answer.status_code == 200, (service, path, answer.text)
    for service, method, path in (
        *(("portal", "GET", "/api/v1/procedures"), ("portal", "POST", "/api/v1/dossiers"), ("portal", "GET", "/")),
        *(("gateway", "GET", "/api/v1/provinces/37/dossiers"), ("identity", "GET", f"/s/{sandbox.id}/jwks")),
        *(("payment", "POST", "/init"), ("payment", "GET", f"/s/{sandbox.id}/checkout/GD1")),
    ):
        answer = await country.ask(service, method, path, headers=sandbox.header)
        assert problem(answer, 503, "fault")["rule"] == "http-error"
    assert (await sandbox.lab("/settle", {})).json()["verdict"] == "still"
    assert (await rules.off()).status_code == 204
    assert await procedures(sandbox) == 200


async def test_a_firing_lies_in_the_story_of_the_dossier_or_of_everything(
    country: Country, sandbox: Sandbox, lan: Citizen, rules: Rules
) -> None:
    code = await lan.submitted()
    await rules.on("http-error")
    assert (await lan.ask("GET", f"/dossiers/{code}")).status_code == 503
    assert (await lan.ask("GET", "/dossiers")).status_code == 503
    gateway = f"/api/v1/provinces/37/dossiers/{code}"
    assert (await country.ask("gateway", "GET", gateway, headers=sandbox.header)).status_code == 503
    for service, subject, times in (("portal", code, 1), ("portal", "*", 1), ("gateway", code, 1), ("gateway", "*", 0)):
        story = (await country.ask(service, "GET", f"/_lab/timeline/{subject}", headers=sandbox.header)).json()
        assert [line["kind"] for line in story].count("fault") == times, (service, subject)


# --- only here ----------------------------------------------------------------------------------------------------------
async def test_a_rule_of_one_sandbox_never_bites_in_another(country: Country, sandbox: Sandbox, rules: Rules) -> None:
    other = await country.sandbox(seed="seed-1", start="2026-06-09T08:00:00+07:00")
    for fault in ("http-error", "provider-down", "token-expired", "bank-down"):
        await rules.on(fault)
    assert await procedures(sandbox) == 503
    for spared in (other, await country.sandbox()):
        citizen = await spared.sign_in("lan")
        assert (await citizen.ask("GET", "/dossiers")).status_code == 200
        assert await Rules(spared).shown() == []
    assert await procedures(other, "gateway") == 200


@pytest.mark.parametrize(
    "fault", ["provider-down", "key-rotated", "token-unknown-key", "http-error", "http-stale-answer"]
)
async def test_what_the_default_sandbox_suffers_no_other_does(country: Country, fault: str) -> None:
    default = "/_lab/sandboxes/default/faults"
    assert (await country.ask("portal", "POST", default, json={"fault": fault})).status_code == 201
    try:
        country.portal.tokens._keys.clear()  # it has to ask for keys again
        sandbox = await country.sandbox()
        citizen = await sandbox.sign_in("lan")
        assert (await citizen.submit()).status_code == 201
    finally:
        await country.ask("portal", "DELETE", default)


async def test_a_client_of_a_sandbox_meets_its_faults_and_not_those_of_the_issuer_it_came_to(
    country: Country, sandbox: Sandbox, rules: Rules
) -> None:
    who = {"client_id": f"lienthong-{sandbox.id}", "redirect_uri": "http://127.0.0.1/back"}
    asked = {"response_type": "code", "scope": "openid", "login_hint": "lan", **who}
    pkce = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}

    async def status() -> int:
        return (await country.http.get(f"{URLS['identity']}/authorize", params={**asked, **pkce})).status_code

    default = "/_lab/sandboxes/default/faults"
    await country.ask("portal", "POST", default, json={"fault": "provider-down"})
    try:
        assert await status() == 302
        assert (await country.http.get(f"{URLS['identity']}/jwks")).status_code == 503
        await rules.on("http-error", **{"with": {"status": 500}})
        assert await status() == 500
        await rules.off()
        await rules.on("provider-down")
        assert await status() == 503
    finally:
        await country.ask("portal", "DELETE", default)
    assert await status() == 503, "its own is still on"


# --- our own services are clients too ------------------------------------------------------------------------------------
async def test_when_the_platform_fails_the_portal_says_so_and_the_same_key_works_later(
    country: Country, sandbox: Sandbox, lan: Citizen, rules: Rules
) -> None:
    code = await owing(sandbox, lan)
    await rules.on("http-error", match={"service": "payment", "path": "/init"}, **{"with": {"status": 502}})
    key, body = "the-same", {"amount_dong": 8000}
    for _ in range(2):
        problem(await lan.ask("POST", f"/dossiers/{code}/payments", body, key=key), 503, "payment-platform-silent")
    await rules.off()
    begun = await lan.ask("POST", f"/dossiers/{code}/payments", body, key=key)
    assert begun.status_code == 201
    again = await lan.ask("POST", f"/dossiers/{code}/payments", body, key=key)
    assert again.json() == begun.json(), "one attempt, whoever failed meanwhile"


@pytest.mark.parametrize("fault", ["http-too-many-requests", "http-error", "http-reset"])
async def test_a_confirmation_that_the_portal_did_not_answer_is_told_again(
    country: Country, sandbox: Sandbox, lan: Citizen, rules: Rules, fault: str
) -> None:
    code = await owing(sandbox, lan)
    await rules.on(fault, match={"path": "/api/v1/payment-platform/confirm"})
    begun = (await lan.ask("POST", f"/dossiers/{code}/payments", {"amount_dong": 8000})).json()
    assert (await country.http.post(f"{begun['checkout_url']}/pay", json={})).status_code == 303
    while not (await rules.shown())[0]["fired"]:
        pass
    verdict = (await sandbox.lab("/settle", {"timeout_seconds": 0})).json()
    assert [each["name"] for each in verdict["waiting_for"] if each["service"] == "payment"] == ["calls-in-flight"]
    await rules.off()
    while (await lan.dossier(code))["fee"]["status"] != "paid":
        pass
    await sandbox.carry()
    assert (await sandbox.lab("/settle", {})).json()["verdict"] == "still"


async def owing(sandbox: Sandbox, lan: Citizen) -> str:
    """A dossier whose fee is due now, while the token still holds."""
    code = await lan.submitted()
    await sandbox.carry()
    script = {"decisions": {"reception": "receive"}}
    await sandbox.country.ask("gateway", "PUT", f"/_lab/officers/{code}", json=script, headers=sandbox.header)
    await sandbox.move(hours=2)
    await sandbox.fire()
    lan.token = (await sandbox.sign_in("lan")).token
    assert (await lan.dossier(code))["fee"]["status"] == "due"
    return code
