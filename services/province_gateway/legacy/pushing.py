"""What a province pushes: each dossier and each step becomes the lawful messages that lead where it says it stands."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from contracts import lifecycle
from contracts.catalogue import Place, agency_code
from contracts.file_types import PDF
from contracts.gate import Finding, Known, Message, message_of
from contracts.gate.law_rules import OTHER_PROVINCE, UNKNOWN_DOSSIER
from contracts.legacy import messages, moves, rules
from contracts.legacy.values import number, text, time_of, written
from contracts.lifecycle import DOSSIER_REGISTERED, State
from services.province_gateway import commands
from services.province_gateway.codes import code_series, dossier_code
from services.province_gateway.doors import speaking
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.doors.legacy_tables import PUSHED, SEEN, STEPPED
from services.province_gateway.doors.speaking import Said
from services.province_gateway.legacy import fetched, noting, paid
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.runtime import Gateway
from services.province_gateway.work import Work
from shared.sandbox.clock import BUSINESS_ZONE

CODE_SQL = "SELECT code FROM legacy_dossiers WHERE sandbox = $1 AND province = $2 AND theirs = $3"
HERE_SQL = "SELECT FROM dossiers WHERE sandbox = $1 AND code = $2 AND province <> ''"
TAKEN_SQL = "SELECT FROM dossiers WHERE sandbox = $1 AND code = $2"
STEPS_SQL = "SELECT digest FROM legacy_steps WHERE sandbox = $1 AND province = $2 AND code = $3"
NOTHING = "{}"
DRAWN_FROM = 50_000  # codes that we draw: provinces number their own from 1, per agency and day (integration.md 8)
LONGEST_CODE = 60  # characters
NOWHERE = Place("", None)
STATUS = "TrangThai"  # how the pointers of findings about a status end: the member is TrangThaiHoSo in a dossier
INTEROPERATING = 0  # a status that one client sends beside the ten: nothing follows from it (integration.md 2)
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What became of one pushed element.

    is_taken  also with deviations; `findings`: those, or why it was refused
    is_known  a new dossier was known already
    """

    is_taken: bool
    findings: tuple[Finding, ...] = ()
    is_known: bool = False


@dataclass
class Push:
    """One pushed element, message by message.

    noted   what is wrong with the form of the element: the first message carries it
    beside  what no message can carry: it becomes a verdict of its own
    """

    connector: Connector
    code: str
    said: messages.Said
    noted: list[Finding]
    beside: list[Finding] = field(default_factory=list)

    def next(self, known: Known | None, now: datetime) -> tuple[Message, Sequence[Finding]] | None:
        """The first of the lawful moves to the pushed status."""
        if known is None:
            self.beside.append(UNKNOWN_DOSSIER.at(f"{self.said.pointer}/MaHoSo", self.code))
        elif known.province != self.connector.province:
            self.beside.append(OTHER_PROVINCE.at(f"{self.said.pointer}/MaHoSo", self.code))
        elif (target := self.said.target) is None:
            if self.said.status != INTEROPERATING:
                self.beside.append(rules.NO_STATUS.at(f"{self.said.pointer}/{STATUS}", self.said.status))
        elif target != known.state and not self._is_history(known, target, now):
            way = moves.way_to(known, self._first(known, target), now) or moves.way_to(known, target, now)
            if way:
                return self._message(*messages.moved(known, way[0], self.said, now))
            nearest = ", ".join(f"{state.code} {state.name_vi}" for state in moves.lawful_states(known, now))
            expected = f"from {known.state.code} {known.state.name_vi}: {nearest or 'nothing more, it has ended'}"
            self.beside.append(rules.NO_WAY.at(f"{self.said.pointer}/{STATUS}", target.code, expected=expected))
        return None

    def prepare(self, work: Work) -> None:
        pass

    @property
    def whose(self) -> tuple[str, str]:
        return self.connector.sandbox_id, self.connector.province

    def end(self, work: Work, said: Sequence[Said]) -> None:
        if not mode_of(work.sandbox, self.connector.province).url:
            work.insert(SEEN, (*self.whose, self.code))
        left = (*self.noted, *self.beside)
        if left:
            noting.note(work, self.connector, left, dossier=self.code)

    def _is_history(self, known: Known, target: State, now: datetime) -> bool:
        """Whether this tells where the dossier was before: it stays where it is."""
        return False

    def _first(self, known: Known, target: State) -> State:
        """Where a lawful way leads first: a dossier that was received, as the push says, was received before all else."""
        was_received = lifecycle.RECEIVED.code in self.said.times and target not in (
            lifecycle.SUBMITTED,
            lifecycle.REFUSED,
        )
        return lifecycle.RECEIVED if was_received and known.received_at is None else target

    def _message(self, event: dict[str, Any], findings: Sequence[Finding]) -> tuple[Message, Sequence[Finding]]:
        noted, self.noted = (*self.noted, *findings), []
        return message_of(event, "legacy", self.connector.province, sandbox_id=self.connector.sandbox_id), noted

    def outcome(self, said: Sequence[Said]) -> Outcome:
        """What the law does not allow is taken, and its verdict says so: the real portal has no table of moves."""
        verdicts = [each.verdict for each in said]
        findings = [*(error for verdict in verdicts for error in verdict.errors), *self.noted, *self.beside]
        is_refused = any(
            verdict.outcome == "rejected"
            and (
                verdict.leniency == "strict"
                or verdict.type == DOSSIER_REGISTERED
                or any(error.stage != "law" for error in verdict.errors)
            )
            for verdict in verdicts
        )
        return Outcome(not is_refused and all(each.tolerable for each in self.beside), tuple(findings))


@dataclass
class DossierPush(Push):
    """A pushed dossier: its registration, if it is new, and the moves to its status."""

    pushed: Object = field(default_factory=dict)
    place: Place = NOWHERE
    is_update: bool = False
    is_new: bool = False
    is_known: bool = False
    result: tuple[str, bytes] = fetched.NONE
    papers: Mapping[int, fetched.Fetched] = field(default_factory=dict)

    def prepare(self, work: Work) -> None:
        sha256, content = self.result
        dossier = work.find(self.code) if sha256 and (self.is_new or self.is_update) else None
        if dossier is None or dossier.is_expected or dossier.province != self.connector.province:
            return  # not there yet, or the push will be refused
        if dossier.state in lifecycle.UNDECIDED and dossier.own_result != sha256:
            commands.hand_in_result(work, self.code, sha256)
            path = f"/dossiers/{self.code}/result"
            speaking.record(work, self.connector.province, "PUT", path, PDF.media_type, content)

    def next(self, known: Known | None, now: datetime) -> tuple[Message, Sequence[Finding]] | None:
        if known is None:
            if self.is_update:
                self.noted.append(rules.UPDATED_UNKNOWN.at("/isUpdating", "True"))
            self.is_new = True
            files = {
                n: {"sha256": file.sha256, "size": len(file.content), "media_type": file.kind.media_type}
                for n, file in self.papers.items()
            }
            return self._message(
                *messages.registered(self.pushed, self.place, self.code, self.said.pointer, now, files)
            )
        if not self.is_new and not self.is_update:
            self.is_known = True
            return None
        return super().next(known, now)

    def end(self, work: Work, said: Sequence[Said]) -> None:
        if self.is_known:
            return
        super().end(work, said)
        if self.outcome(said).is_taken:
            theirs = code_text(self.pushed)
            pushed = msgspec.json.encode({**messages.of_nobody(self.pushed), "MaHoSo": theirs}).decode()
            work.insert(PUSHED, (*self.whose, theirs, self.code, pushed))


@dataclass
class StepPush(Push):
    """A pushed step of progress. `is_late`: it tells where the dossier was before."""

    step: Object = field(default_factory=dict)
    is_late: bool = False

    def _is_history(self, known: Known, target: State, now: datetime) -> bool:
        at = self.said.times.get(target.code)
        is_late = at is not None and at < known.latest.replace(microsecond=0)
        self.is_late = is_late and bool(moves.way_to(replace(known, state_code=target.code), known.state, now))
        return self.is_late

    def end(self, work: Work, said: Sequence[Said]) -> None:
        super().end(work, said)
        if self.outcome(said).is_taken:
            step = msgspec.json.encode(messages.of_nobody(self.step)).decode()
            work.insert(STEPPED, (*self.whose, self.code, _digest(self.step), step))
            if not self.is_late:
                reached = msgspec.json.encode({"TrangThaiHoSo": str(self.said.status)}).decode()
                work.insert(PUSHED, (*self.whose, code_text(self.step), self.code, reached))


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
            outcomes.append(await _refused(gateway, connector, step, unfit))
            continue
        code = await code_of(gateway, connector, code_text(step))
        if code not in seen:
            rows = await gateway.database.fetch(STEPS_SQL, connector.sandbox_id, connector.province, code)
            seen[code] = {row["digest"] for row in rows}
        if _digest(step) in seen[code]:
            outcomes.append(Outcome(True))
            continue
        seen[code].add(_digest(step))
        begin = partial(_begin_step, connector, code, step, f"/data/{n}", noted)
        turn, said = await _say(gateway, connector, code, begin)
        outcomes.append(turn.outcome(said))
    return outcomes


async def push_status(gateway: Gateway, connector: Connector, status: Object, findings: Sequence[Finding]) -> Outcome:
    """Take in the status of a dossier that the portal has sent to the province (integration.md 1.8)."""
    if unfit := _unfit(status, "/data", findings, ("MaHoSo",)):
        return await _refused(gateway, connector, status, unfit)
    code = await code_of(gateway, connector, code_text(status))
    own = code_text(status, "MaHoSoDonVi")
    if own and not await gateway.database.fetch(HERE_SQL, connector.sandbox_id, code):
        code = await code_of(gateway, connector, own)

    def begin() -> Push:
        return Push(connector, code, messages.of_status(status, "/data"), [*findings])

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
        return await _refused(gateway, connector, dossier, unfit)
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


def code_text(element: Object, member: str = "MaHoSo") -> str:
    """The code in a member of an element; what is longer than a code is cut."""
    return text(element.get(member), LONGEST_CODE)


def _unfit(element: Object, pointer: str, noted: Sequence[Finding], needed: Sequence[str]) -> list[Finding]:
    """Why an element cannot be taken at all: what has no text where one is needed, too."""
    unfit = [each for each in noted if not each.tolerable]
    named = {each.pointer for each in unfit}
    missing = [f"{pointer}/{name}" for name in needed if not text(element.get(name), LONGEST_CODE)]
    return [*unfit, *(rules.MISSING.at(where) for where in missing if where not in named)]


async def _refused(gateway: Gateway, connector: Connector, element: Object, findings: list[Finding]) -> Outcome:
    """The outcome of an element that cannot be taken; a verdict says so."""
    async with gateway.unit_of_work(connector.sandbox_id, series=[speaking.counter_of(connector.province)]) as request:
        await request.lock_counters(speaking.counter_of(connector.province))
        noting.note(request.work, connector, findings, dossier=code_text(element))
    return Outcome(False, tuple(findings))


def _under(findings: Sequence[Finding], pointer: str) -> list[Finding]:
    """The findings on one element, and those on the request as a whole, which concern each."""
    return [
        each for each in findings if each.pointer.startswith(f"{pointer}/") or not each.pointer.startswith("/data/")
    ]


def _digest(step: Object) -> str:
    """Equal for the same step: its status and its time; without a time, all that it says."""
    status, at = number(step.get("TrangThai")), time_of(step.get("ThoiDiemXuLy"))
    return digest([status, written(at)] if at else step)


def digest(said: object) -> str:
    """Equal for what says the same, in any order of its members."""
    return hashlib.blake2b(msgspec.json.encode(said, order="deterministic"), digest_size=12).hexdigest()
