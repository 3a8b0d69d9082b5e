"""What one pushed element says: the lawful messages that lead where the province says the dossier stands, and what is kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from contracts import lifecycle
from contracts.catalogue import Place
from contracts.file_types import PDF
from contracts.gate import Finding, Known, Message, message_of
from contracts.gate.law_rules import OTHER_PROVINCE, UNKNOWN_DOSSIER
from contracts.legacy import messages, moves, rules
from contracts.legacy.values import number, text, time_of, written
from contracts.lifecycle import DOSSIER_REGISTERED, State
from services.province_gateway import commands
from services.province_gateway.doors import speaking
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.doors.legacy_tables import PUSHED, SEEN, STEPPED
from services.province_gateway.doors.speaking import Said
from services.province_gateway.legacy import fetched, noting
from services.province_gateway.officers.modes import mode_of
from services.province_gateway.work import Work

SECOND = timedelta(seconds=1)
LONGEST_CODE = 60  # characters
NOWHERE = Place("", None)
INTEROPERATING = 0  # a status that one client sends beside the ten: nothing follows from it (integration.md 2)
OF_MESSAGE = re.compile(r"/data/[a-z]")  # how a pointer into a message begins; members of pushes begin with a capital
# Where the law finds something in a message → the member from which that came, in an element of DongBoHoSoMC.
FIELDS = {
    "/data/dossier_code": "MaHoSo",
    "/data/procedure": "MaTTHC",
    "/data/version": "MaTTHC",
    "/data/authority": "MaHoSo",
    "/data/reception": "MaHoSo",
    "/data/applicant": "ChuHoSo",
    "/data/channel": "KenhThucHien",
    "/data/registered_at": "NgayNopHoSo",
    "/data/received_at": "NgayTiepNhan",
    "/data/due_at": "NgayHenTra",
    "/data/ready_at": "NgayKetThucXuLy",
    "/data/returned_at": "NgayTra",
    "/data/return_by": "HinhThuc",
    "/data/note": "TrichYeuHoSo",
    "/data/papers": "TaiLieuNop",
}
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

    service: ClassVar[str] = "DongBoTrangThaiHoSo"
    status: ClassVar[str] = "TrangThai"  # its member with the status
    members: ClassVar[
        Mapping[str, str]
    ] = {}  # where the law finds something in a message → from what that came; else status

    connector: Connector
    code: str
    said: messages.Said
    noted: list[Finding]
    beside: list[Finding] = field(default_factory=list)
    are_taken: bool = True  # what is noted of no message, as the gate of the province is

    def next(self, known: Known | None, now: datetime) -> tuple[Message, Sequence[Finding]] | None:
        """The first of the lawful moves to the pushed status."""
        if known is None:
            self.beside.append(UNKNOWN_DOSSIER.at(f"{self.said.pointer}/MaHoSo", self.code))
        elif known.province != self.connector.province:
            self.beside.append(OTHER_PROVINCE.at(f"{self.said.pointer}/MaHoSo", self.code))
        elif (target := self.said.target) is None:
            if self.said.status != INTEROPERATING:
                self.beside.append(rules.NO_STATUS.at(f"{self.said.pointer}/{self.status}", self.said.status))
        elif target != known.state and not self._is_history(known, target, now):
            way = moves.way_to(known, self._first(known, target), now) or moves.way_to(known, target, now)
            if way:
                return self._message(*messages.moved(known, way[0], self.said, now))
            if self._was_before(known, target, now):
                return None
            nearest = ", ".join(f"{state.code} {state.name_vi}" for state in moves.lawful_states(known, now))
            expected = f"from {known.state.code} {known.state.name_vi}: {nearest or 'nothing more, it has ended'}"
            self.beside.append(rules.NO_WAY.at(f"{self.said.pointer}/{self.status}", target.code, expected=expected))
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
            self.are_taken = noting.note(work, self.connector, left, dossier=self.code, service=self.service)

    def _is_history(self, known: Known, target: State, now: datetime) -> bool:
        """Whether this tells where the dossier was before: it stays where it is."""
        return False

    def _was_before(self, known: Known, target: State, now: datetime) -> bool:
        """As `_is_history`, of the last event's second too: only if no lawful way leads there, and the dossier goes on."""
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
        is_taken = not is_refused and self.are_taken and all(each.tolerable for each in self.beside)
        return Outcome(is_taken, tuple(self._named(each) for each in findings))

    def _named(self, finding: Finding) -> Finding:
        """A finding on a message, by the member that was pushed: the answer goes to somebody who sent no message."""
        if not OF_MESSAGE.match(finding.pointer):
            return finding
        known = (name for at, name in self.members.items() if f"{finding.pointer}/".startswith(f"{at}/"))
        return replace(finding, pointer=f"{self.said.pointer}/{next(known, self.status)}")

    def _reached(self, work: Work, theirs: str) -> None:
        """Keep the status that was pushed last."""
        reached = msgspec.json.encode({"TrangThaiHoSo": str(self.said.status)}).decode()
        work.insert(PUSHED, (*self.whose, theirs, self.code, reached))


@dataclass
class DossierPush(Push):
    """A pushed dossier: its registration, if it is new, and the moves to its status."""

    service = "DongBoHoSoMC"
    status = "TrangThaiHoSo"
    members = FIELDS

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

    service = "CapNhatTienDoHoSoMC"

    step: Object = field(default_factory=dict)
    is_late: bool = False

    def _is_history(self, known: Known, target: State, now: datetime) -> bool:
        at = self.said.times.get(target.code)
        is_before = at is not None and at < known.latest.replace(microsecond=0)
        return is_before and self._was_before(known, target, now)

    def _was_before(self, known: Known, target: State, now: datetime) -> bool:
        at = self.said.times.get(target.code)
        latest = known.latest if known.state not in lifecycle.FINAL else known.latest.replace(microsecond=0) - SECOND
        is_late = at is not None and at <= latest
        self.is_late = is_late and bool(moves.way_to(replace(known, state_code=target.code), known.state, now))
        return self.is_late

    def end(self, work: Work, said: Sequence[Said]) -> None:
        super().end(work, said)
        if self.outcome(said).is_taken:
            step = msgspec.json.encode(messages.of_nobody(self.step)).decode()
            work.insert(STEPPED, (*self.whose, self.code, digest_of(self.step), step))
            if not self.is_late:
                self._reached(work, code_text(self.step))


@dataclass
class StatusPush(Push):
    """A pushed status of a dossier that the portal has sent to the province (integration.md 1.8)."""

    theirs: str = ""

    def end(self, work: Work, said: Sequence[Said]) -> None:
        super().end(work, said)
        if self.outcome(said).is_taken:
            self._reached(work, self.theirs)


def code_text(element: Object, member: str = "MaHoSo") -> str:
    """The code in a member of an element; what is longer than a code is cut."""
    return text(element.get(member), LONGEST_CODE)


def digest_of(step: Object) -> str:
    """Equal for the same step: its status and its time; without a time, all that it says."""
    status, at = number(step.get("TrangThai")), time_of(step.get("ThoiDiemXuLy"))
    return digest([status, written(at)] if at else step)


def digest(said: object) -> str:
    """Equal for what says the same, in any order of its members."""
    return hashlib.blake2b(msgspec.json.encode(said, order="deterministic"), digest_size=12).hexdigest()
