"""Whether a scenario can play: its form is right, and now its words must name what there is. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from contracts.calendar.calendar import CalendarTooShort
from contracts.catalogue import PROCEDURES, choose, communes_of
from contracts.catalogue.search import folded
from contracts.modes import AT_ONCE, MANUAL, in_force, province_faults
from contracts.people import STANDING
from contracts.problems import CONTRACT_PROBLEMS
from contracts.scenario import DossierPart, Scenario
from services.portal.papers.file_types import PDF, name_of
from services.portal.sandboxes import fault_rules
from shared.did_you_mean import nearest, no_such
from shared.errors import BodyDoesNotFit, Misfit, Refusal
from shared.problem_types import COMMON, pointer_of
from shared.sandbox.clock import parse_duration, parse_time

TITLES = {**COMMON, **CONTRACT_PROBLEMS}
MEMBERS = ("commune", "province", "case", "procedure")  # of a dossier, by which a refusal of the catalogue names it


class Scenes:
    """A scenario on its own calendar: when each dossier is handed in, and where the clock is to stand at the end."""

    def __init__(self, scenario: Scenario, start: datetime) -> None:
        """Raises BodyDoesNotFit with all that is wrong."""
        self._start, self._wrong = start, list[Misfit]()
        clock, dossiers = scenario.clock, scenario.dossiers
        self.until = self._moment(clock.until, "/clock/until") if clock.until is not None else None
        self.handed_in = [self._moment(each.at, f"/dossiers/{place}/at") for place, each in enumerate(dossiers)]
        for under, part in (("", scenario), ("/then", scenario.then)):
            self._wrong += province_faults(part.modes, under)
        personas = (*STANDING, *scenario.people)
        self._wrong += _of_faults(scenario, personas)
        for place, (dossier, at) in enumerate(zip(dossiers, self.handed_in, strict=True)):
            if self.until is not None and at > self.until:
                self._wrong.append((f"/dossiers/{place}/at", "is after the end: choose a later /clock/until"))
            found = [*_of_dossier(dossier, at, personas), *_of_decisions(scenario, dossier)]
            self._wrong += ((f"/dossiers/{place}{pointer}", said) for pointer, said in found)
        if self._wrong:
            raise BodyDoesNotFit(*self._wrong)

    def _moment(self, text: str, pointer: str) -> datetime:
        """An instant, or a length of time after the start; the start for what is neither."""
        try:
            found = parse_time(text, pointer) if "-" in text else self._start + parse_duration(text, pointer)
        except BodyDoesNotFit as error:
            self._wrong += error.misfits()
            return self._start
        if found < self._start:
            self._wrong.append((pointer, f"'{text}' is before the start, {self._start.isoformat()}"))
        return found


def _of_faults(scenario: Scenario, personas: Collection[str]) -> list[Misfit]:
    """Those of the end come beside those of the beginning, or take their places."""
    on, wrong = fault_rules.rules_asked(scenario.faults, "/faults", personas=personas)
    return [*wrong, *fault_rules.rules_asked(scenario.then.faults, "/then/faults", on, personas)[1]]


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
        said = f"{TITLES[type(refusal)].title} {refusal.detail}"
        yield f"/{member}", f"{said}{_meant(dossier)}" if member == "commune" else said


def _of_papers(dossier: DossierPart) -> Iterator[Misfit]:
    if dossier.papers and dossier.channel != "online":
        yield "/papers", "are files, which are sent online: leave them out, or choose that channel"
        return
    for component, name in dossier.papers.items():
        pointer = pointer_of(("papers", component))
        try:
            if not name_of(name).lower().endswith(PDF.extensions):
                yield pointer, f"the file is a PDF: let its name end in {' or '.join(PDF.extensions)}"
        except BodyDoesNotFit as error:
            yield pointer, error.errors[0]["detail"]


def _of_decisions(scenario: Scenario, dossier: DossierPart) -> Iterator[Misfit]:
    """Decisions on one dossier are told once it has a code: too late for officers who act at once."""
    acts, _ = in_force({name: mode.document() for name, mode in scenario.modes.items()}, dossier.province)
    if "decisions" in dossier.model_fields_set and acts.get("tempo") == AT_ONCE:
        yield "/decisions", f"come too late where officers act at once: choose another tempo for {dossier.province}"
    elif "decisions" in dossier.model_fields_set and acts["mode"] == MANUAL:
        yield "/decisions", f"are nobody's in manual mode: leave them out, or let {dossier.province} be simulated"


def _no_procedure(procedure: str) -> str:
    """By code, or by the name of what was meant."""
    names = {folded(each.name_vi): code for code, each in PROCEDURES.items()}
    if name := nearest(folded(procedure), names):
        return f"'{procedure}' is no code of a procedure: {PROCEDURES[names[name]].name_vi} has {names[name]}"
    if code := nearest(procedure, PROCEDURES):
        return f"'{procedure}' is no procedure: did you mean {code}, {PROCEDURES[code].name_vi}?"
    return f"'{procedure}' is no procedure"


def _meant(dossier: DossierPart) -> str:
    names = {folded(each.name_vi): each for each in communes_of(dossier.province)}
    if name := nearest(folded(dossier.commune or ""), names):
        return f" Did you mean {names[name].code}, {names[name].name_vi}?"
    return ""
