"""That nothing was lost: the checks of `make prove` over everything that is stored at the end of a quarter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from contracts.lifecycle import LIFECYCLE
from lienthong.client import Sandbox
from lienthong.embedded.stack import Stack
from tools.prove import checks, tables
from tools.prove.evidence import Check, Evidence, Finding
from tools.prove.ledger import Ledger, Submission
from tools.quarter.journal import Journal
from tools.quarter.people import elsewhere
from tools.quarter.shape import Planned

EXPLAINED = 20  # dossiers that have not ended and are explained
# Left out of the checks of the proof: what is read through the APIs (timelines, lists), and whether every kind of event was
# seen (breadth), which a short run cannot promise.
LEFT_OUT = (checks.timelines, checks.lists, checks.breadth)
PROMISES: dict[str, Check] = {name: check for name, check in checks.CHECKS.items() if check not in LEFT_OUT}


async def judge(
    stack: Stack,
    sandbox: Sandbox,
    journal: Journal,
    planned: Sequence[Planned],
    surprises: Sequence[str],
    unsettled: list[str],
) -> tuple[list[Finding], dict[str, int]]:
    """The promises, and what was counted."""
    portal = await tables.connect_and_read(stack.database_url("portal"), "portal", [sandbox.id])
    gateway = await tables.connect_and_read(stack.database_url("province_gateway"), "gateway", [sandbox.id])
    payment = await tables.read_payment(stack.database_url("payment"), [sandbox.id])
    ledger = _ledger(sandbox.id, journal, planned, surprises)
    evidence = Evidence(ledger, portal, gateway, payment, unsettled=unsettled)
    provinces = (await sandbox.statistics())["provinces"]
    evidence.counted = {
        sandbox.id: {(each["province"], state): n for each in provinces for state, n in each["states"].items()}
    }
    for key in evidence.open[:EXPLAINED]:
        path = f"/_lab/explain/{key[1]}?timeout_seconds=0"
        causes = (await sandbox.country.portal.json("GET", path, headers=sandbox.headers))["causes"]
        evidence.causes[key] = [cause["name"] for cause in causes]
    findings = []
    for promise, check in {"every planned dossier is acknowledged": _all(planned), **PROMISES}.items():
        answers = list(check(evidence))
        findings.append(Finding(promise, len(answers), [answer for answer in answers if answer is not None]))
    return findings, _facts(evidence)


def _all(planned: Sequence[Planned]) -> Check:
    def check(evidence: Evidence) -> Iterator[str | None]:
        known = evidence.ledger.submissions
        yield from (None if each.key in known else f"{each.key} was never acknowledged" for each in planned)

    return check


def _ledger(sandbox: str, journal: Journal, planned: Sequence[Planned], surprises: Sequence[str]) -> Ledger:
    ledger = Ledger(surprises=list(surprises))
    for each in planned:
        if code := journal.codes.get(each.number):
            service = "portal" if each.is_online else "gateway"
            names_fee = any("fee" in step for step in each.decisions.get("steps", ()))
            ledger.submissions[each.key] = Submission(
                sandbox, each.persona, each.key, each.choice.province, [code], service, _said(each), names_fee
            )
    for (number, act), count in journal.acts.items():
        ledger.requests[(sandbox, journal.codes[number]), act] = count
    ledger.payments = {(sandbox, journal.codes[number]): each for number, each in journal.payments.items()}
    return ledger


def _said(planned: Planned) -> dict[str, Any]:
    """What the event that begins the dossier must say: JSON pointer → value."""
    choice = planned.choice
    return {
        "/procedure": choice.procedure,
        "/authority/province": choice.province,
        "/authority/commune": choice.commune,
        "/channel": planned.journey.channel,
        **{f"/{of}/{name}": value for of, place in elsewhere(planned).items() for name, value in place.items()},
    }


def _facts(evidence: Evidence) -> dict[str, int]:
    states = Counter(LIFECYCLE.state(each["state_code"]).slug for each in evidence.portal.dossiers.values())
    events = sum(len(each) for tables in (evidence.portal, evidence.gateway) for each in tables.events.values())
    return {
        "dossiers at the portal": len(evidence.portal.dossiers),
        "dossiers at the provinces": len(evidence.gateway.dossiers),
        "dossiers that have not ended": len(evidence.open),
        "payments": sum(map(len, evidence.ledger.payments.values())),
        "events": events,
        **{f"dossiers in state {state}": count for state, count in sorted(states.items())},
    }
