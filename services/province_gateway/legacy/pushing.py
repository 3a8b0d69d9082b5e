"""What a province pushes: each dossier and each step becomes the lawful messages that lead where it says it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from contracts.catalogue import Place, agency_code
from contracts.gate import Finding
from contracts.legacy import messages, rules
from contracts.legacy.values import text
from contracts.lifecycle import DOSSIER_REGISTERED
from services.province_gateway.codes import code_series, dossier_code
from services.province_gateway.doors import speaking
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.doors.legacy_tables import PUSHED
from services.province_gateway.doors.speaking import Said
from services.province_gateway.legacy import fetched, noting, paid
from services.province_gateway.legacy.pushes import (
    LONGEST_CODE,
    DossierPush,
    Object,
    Outcome,
    Push,
    StatusPush,
    StepPush,
    code_text,
    digest_of,
)
from services.province_gateway.runtime import Gateway
from shared.sandbox.clock import BUSINESS_ZONE

CODE_SQL = "SELECT code FROM legacy_dossiers WHERE sandbox = $1 AND province = $2 AND theirs = $3"
HERE_SQL = "SELECT FROM dossiers WHERE sandbox = $1 AND code = $2 AND province <> ''"
TAKEN_SQL = "SELECT FROM dossiers WHERE sandbox = $1 AND code = $2"
STEPS_SQL = "SELECT digest FROM legacy_steps WHERE sandbox = $1 AND province = $2 AND code = $3"
NOTHING = "{}"
DRAWN_FROM = 50_000  # codes that we draw: provinces number their own from 1, per agency and day (integration.md 8)


T = TypeVar("T", bound=Push)


async def push_dossiers(
    gateway: Gateway, connector: Connector, dossiers: Sequence[Object], findings: Sequence[Finding], *, is_update: bool
) -> list[Outcome]:
    """Take dossiers in, in their order, each in a transaction of its own.

    findings  on the form of the whole request; those of an element without which there is no dossier refuse it
    """
    until = asyncio.get_running_loop().time() + fetched.SECONDS
    return [
        await _push_dossier(gateway, connector, dossier, f"/data/{n}", _under(findings, f"/data/{n}"), is_update, until)
        for n, dossier in enumerate(dossiers)
    ]


async def push_steps(
    gateway: Gateway, connector: Connector, steps: Sequence[Object], findings: Sequence[Finding]
) -> list[Outcome]:
    """Take steps of progress in, in their order. One that came before, in a history that comes again, changes nothing."""
    outcomes, seen = [], dict[str, set[str]]()
    for n, step in enumerate(steps):
        noted = _under(findings, f"/data/{n}")
        if unfit := _unfit(step, f"/data/{n}", noted, ("MaHoSo",)):
            outcomes.append(await _refused(gateway, connector, step, unfit, StepPush))
            continue
        code = await code_of(gateway, connector, code_text(step))
        if code not in seen:
            rows = await gateway.database.fetch(STEPS_SQL, connector.sandbox_id, connector.province, code)
            seen[code] = {row["digest"] for row in rows}
        if digest_of(step) in seen[code]:
            outcomes.append(Outcome(True))
            continue
        seen[code].add(digest_of(step))
        begin = partial(_begin_step, connector, code, step, f"/data/{n}", noted)
        turn, said = await _say(gateway, connector, code, begin)
        outcomes.append(turn.outcome(said))
    return outcomes


async def push_status(gateway: Gateway, connector: Connector, status: Object, findings: Sequence[Finding]) -> Outcome:
    """Take in the status of a dossier that the portal has sent to the province (integration.md 1.8)."""
    if unfit := _unfit(status, "/data", findings, ("MaHoSo",)):
        return await _refused(gateway, connector, status, unfit, StatusPush)
    theirs = code_text(status)
    code = await code_of(gateway, connector, theirs)
    own = code_text(status, "MaHoSoDonVi")
    if own and not await gateway.database.fetch(HERE_SQL, connector.sandbox_id, code):
        theirs, code = own, await code_of(gateway, connector, own)

    def begin() -> StatusPush:
        return StatusPush(connector, code, messages.of_status(status, "/data"), [*findings], theirs=theirs)

    turn, said = await _say(gateway, connector, code, begin)
    return turn.outcome(said)


async def code_of(gateway: Gateway, connector: Connector, theirs: str) -> str:
    """The code in the network of a dossier that a province calls so; the same where it was never pushed."""
    rows = await gateway.database.fetch(CODE_SQL, connector.sandbox_id, connector.province, theirs)
    return str(rows[0]["code"]) if rows else theirs


async def _push_dossier(
    gateway: Gateway,
    connector: Connector,
    dossier: Object,
    pointer: str,
    noted: list[Finding],
    is_update: bool,
    until: float,
) -> Outcome:
    if unfit := _unfit(dossier, pointer, noted, ("MaHoSo", "MaTTHC")):
        return await _refused(gateway, connector, dossier, unfit, DossierPush)
    now = (await gateway.sandbox(connector.sandbox_id)).now
    since = asyncio.get_running_loop().time()
    place, guessed = messages.place_of(dossier, connector.province, pointer, now)
    code = await _code_for(gateway, connector, code_text(dossier), place)
    papers, unfetched = await fetched.papers_of(gateway, connector, code, dossier, pointer, until)
    result, missed = await fetched.result_of(gateway, connector, code, dossier, pointer, until, is_update=is_update)

    def begin() -> DossierPush:
        said, findings = messages.of_dossier(dossier, pointer), [*noted, *guessed, *unfetched, *missed]
        return DossierPush(
            connector,
            code,
            said,
            findings,
            pushed=dossier,
            place=place,
            is_update=is_update,
            result=result,
            papers=papers,
        )

    turn, said = await _say(gateway, connector, code, begin, since)
    if turn.is_known:
        return Outcome(False, (rules.INSERTED_KNOWN.at(f"{pointer}/MaHoSo", dossier["MaHoSo"]),), is_known=True)
    return turn.outcome(said)


def _begin_step(connector: Connector, code: str, step: Object, pointer: str, noted: list[Finding]) -> StepPush:
    return StepPush(connector, code, messages.of_step(step, pointer), [*noted], step=step)


async def _say(
    gateway: Gateway, connector: Connector, code: str, begin: Callable[[], T], since: float | None = None
) -> tuple[T, list[Said]]:
    place = (connector.sandbox_id, connector.province)
    say = partial(speaking.say_in_turn, gateway, gateway.rules, gateway.ring, place, code, begin)
    turn, said = await gateway.turns.take(place, say, since)
    if any(each.verdict.type == DOSSIER_REGISTERED and each.verdict.is_accepted for each in said):
        await gateway.turns.take(place, partial(paid.note, gateway, connector.sandbox_id, code))
    return turn, said


async def _code_for(gateway: Gateway, connector: Connector, theirs: str, place: Place) -> str:
    """The code in the network for a pushed dossier: theirs if it can be one, else one of the agency, drawn once."""
    known = await code_of(gateway, connector, theirs)
    if messages.fits(known, place) or await gateway.database.fetch(HERE_SQL, connector.sandbox_id, known):
        return known  # theirs can be ours, or is that of the portal; or one was drawn, of this agency or for a dossier
    agency = agency_code(place.province, place.commune)
    async with gateway.unit_of_work(connector.sandbox_id, series=[f"{agency}/desk"]) as request:
        series = code_series(agency, request.now)
        await request.lock_counters(series)
        whose = (connector.sandbox_id, connector.province, theirs)
        rows = await request.fetch(CODE_SQL, *whose)
        # Nor has a push at the same moment drawn one that fits.
        if not rows or not messages.fits(rows[0]["code"], place):
            day = f"{request.now.astimezone(BUSINESS_ZONE):%Y%m%d}"
            drawn = ""
            while not drawn or await request.fetch(TAKEN_SQL, connector.sandbox_id, drawn):
                drawn = dossier_code(agency, day, DRAWN_FROM + request.work.number(series), request.work.epoch)
            request.work.insert(PUSHED, (*whose, drawn, NOTHING))
    return await code_of(gateway, connector, theirs)


def _unfit(element: Object, pointer: str, noted: Sequence[Finding], needed: Sequence[str]) -> list[Finding]:
    """Why an element cannot be taken at all: what has no text where one is needed, too."""
    unfit = [each for each in noted if not each.tolerable]
    named = {each.pointer for each in unfit}
    missing = [f"{pointer}/{name}" for name in needed if not text(element.get(name), LONGEST_CODE)]
    return [*unfit, *(rules.MISSING.at(where) for where in missing if where not in named)]


async def _refused(
    gateway: Gateway, connector: Connector, element: Object, findings: list[Finding], push: type[Push]
) -> Outcome:
    """The outcome of an element that cannot be taken; a verdict says so."""
    async with gateway.unit_of_work(connector.sandbox_id, series=[speaking.counter_of(connector.province)]) as request:
        await request.lock_counters(speaking.counter_of(connector.province))
        noting.note(request.work, connector, findings, dossier=code_text(element), service=push.service)
    return Outcome(False, tuple(findings))


def _under(findings: Sequence[Finding], pointer: str) -> list[Finding]:
    """The findings on one element, and those on the request as a whole, which concern each."""
    return [
        each for each in findings if each.pointer.startswith(f"{pointer}/") or not each.pointer.startswith("/data/")
    ]
