"""Checks a scenario of valid form: everything that it names must exist, and its times must be possible. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from contracts.calendar.calendar import CalendarTooShort
from contracts.catalogue import PROCEDURES, choose, communes_of
from contracts.catalogue.search import folded
from contracts.file_names import name_of
from contracts.file_types import PDF
from contracts.modes import AT_ONCE, SIMULATED, in_force, province_faults
from contracts.people import STANDING
from contracts.problems import CONTRACT_PROBLEMS
from contracts.scenario import DossierPart, Scenario
from services.portal.sandboxes import fault_rules
from shared.did_you_mean import nearest, no_such
from shared.errors import BodyDoesNotFit, Misfit, Refusal
from shared.problem_types import COMMON, pointer_of
from shared.sandbox.clock import parse_duration, parse_time

TITLES = {**COMMON, **CONTRACT_PROBLEMS}
MEMBERS = ("commune", "province", "case", "procedure")  # of a dossier, as named in refusals of the catalogue


class Schedule:
    """The times of a scenario: when each dossier is handed in, and the clock at the end."""

    def __init__(self, scenario: Scenario, start: datetime) -> None:
        """Raises BodyDoesNotFit with everything that is wrong."""
        self._start, self._wrong = start, list[Misfit]()
        clock, dossiers = scenario.clock, scenario.dossiers
        self.until = self._moment(clock.until, "/clock/until") if clock.until is not None else None
        self.handed_in = [self._moment(dossier.at, f"/dossiers/{index}/at") for index, dossier in enumerate(dossiers)]
        for under, part in (("", scenario), ("/then", scenario.then)):
            self._wrong += province_faults(part.modes, under)
        personas = (*STANDING, *scenario.people)
        self._wrong += _of_faults(scenario, personas)
        for index, (dossier, at) in enumerate(zip(dossiers, self.handed_in, strict=True)):
            if self.until is not None and at > self.until:
                self._wrong.append((f"/dossiers/{index}/at", "is after the end: choose a later /clock/until"))
            misfits = [*_of_dossier(dossier, at, personas), *_of_decisions(scenario, dossier)]
            self._wrong += ((f"/dossiers/{index}{pointer}", detail) for pointer, detail in misfits)
        if self._wrong:
            raise BodyDoesNotFit(*self._wrong)

    def _moment(self, text: str, pointer: str) -> datetime:
        """A time, or a duration after the start; the start if `text` is neither."""
        try:
            moment = parse_time(text, pointer) if "-" in text else self._start + parse_duration(text, pointer)
        except BodyDoesNotFit as error:
            self._wrong += error.misfits()
            return self._start
        if moment < self._start:
            self._wrong.append((pointer, f"'{text}' is before the start, {self._start.isoformat()}"))
        return moment


def _of_faults(scenario: Scenario, personas: Collection[str]) -> list[Misfit]:
    """The rules of `then` are added to those of the beginning, or replace them."""
    rules, wrong = fault_rules.checked_rules(scenario.faults, "/faults", personas=personas)
    return [*wrong, *fault_rules.checked_rules(scenario.then.faults, "/then/faults", rules, personas)[1]]


def _of_dossier(dossier: DossierPart, at: datetime, personas: Collection[str]) -> Iterator[Misfit]:
    if dossier.persona not in personas:
        yield "/persona", no_such("persona", dossier.persona, personas)
    yield from _of_papers(dossier)
    if dossier.procedure not in PROCEDURES:
        yield "/procedure", f"{_no_procedure(dossier.procedure)}; GET /api/v1/procedures lists the catalogue"
        return
    try:
        choose(dossier.procedure, dossier.province, dossier.commune, case=dossier.case, channel=dossier.channel, on=at)
    except Refusal as refusal:
        member = next((name for name in MEMBERS if name in refusal.facts), "procedure")
        if isinstance(refusal, CalendarTooShort):
            member = "at"
        detail = f"{TITLES[type(refusal)].title} {refusal.detail}"
        yield f"/{member}", f"{detail}{_suggestion(dossier)}" if member == "commune" else detail


def _of_papers(dossier: DossierPart) -> Iterator[Misfit]:
    if dossier.papers and dossier.channel != "online":
        yield "/papers", "are files, which can only be sent online: leave them out, or choose the channel online"
        return
    for component, name in dossier.papers.items():
        pointer = pointer_of(("papers", component))
        try:
            if not name_of(name).lower().endswith(PDF.extensions):
                yield pointer, f"the file is a PDF: its name must end in {' or '.join(PDF.extensions)}"
        except BodyDoesNotFit as error:
            yield pointer, error.errors[0]["detail"]


def _of_decisions(scenario: Scenario, dossier: DossierPart) -> Iterator[Misfit]:
    """Decisions on a dossier are sent when it has a code, which is too late for officers who act at once."""
    acts, _ = in_force({name: mode.document() for name, mode in scenario.modes.items()}, dossier.province)
    if "decisions" in dossier.model_fields_set and acts.get("tempo") == AT_ONCE:
        yield "/decisions", f"arrive too late if officers act at once: choose another tempo for {dossier.province}"
    elif "decisions" in dossier.model_fields_set and acts["mode"] != SIMULATED:
        mode = acts["mode"]
        yield "/decisions", f"have no effect in {mode} mode: leave them out, or set {dossier.province} to simulated"


def _no_procedure(procedure: str) -> str:
    """Suggests a procedure by its name or its code."""
    names = {folded(known.name_vi): code for code, known in PROCEDURES.items()}
    if name := nearest(folded(procedure), names):
        return f"'{procedure}' is not a procedure code: {PROCEDURES[names[name]].name_vi} has {names[name]}"
    if code := nearest(procedure, PROCEDURES):
        return f"'{procedure}' is not a procedure: did you mean {code}, {PROCEDURES[code].name_vi}?"
    return f"'{procedure}' is not a procedure"


def _suggestion(dossier: DossierPart) -> str:
    names = {folded(commune.name_vi): commune for commune in communes_of(dossier.province)}
    if name := nearest(folded(dossier.commune or ""), names):
        return f" Did you mean {names[name].code}, {names[name].name_vi}?"
    return ""
