"""One connector's trial: it decides for a province of a new sandbox, is killed in mid-journey, and started again."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lienthong.client import Problem
from lienthong.client.types import Event
from lienthong.embedded import Trouble, ports
from lienthong.sync import Country, Sandbox
from tools.connectors.programs import Program, Running

PROVINCE, COMMUNE, COPY, FREE = "37", "14464", "2.000635", "1.001776"
START = "2026-03-02T08:30:00+07:00"  # a Monday; the next weeks have no public holiday
PATIENCE = 120.0  # s for everything that is awaited in one trial; the machine can be busy. The portal waits no longer
WAIT = 5.0  # s of one request for verdicts, between two looks whether the program still runs
RECEIVED: Event = "dossier.received.v1"
DEMANDED: Event = "dossier.fee_demanded.v1"
STARTED: Event = "dossier.processing_started.v1"
RETURNED: Event = "dossier.result_returned.v1"


@dataclass
class Trial:
    """What came of one connector. `killed`: the event type whose verdict it was killed at, if a journey was under way."""

    name: str
    dossiers: dict[str, str] = field(default_factory=dict)  # code → status at the end
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    trouble: str = ""

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(str(verdict["outcome"]) for verdict in self.verdicts)

    @property
    def faults(self) -> list[str]:
        """What is not as promised; empty if all is."""
        found = [self.trouble] if self.trouble else []
        found += [f"{code} ended in {status}" for code, status in self.dossiers.items() if status != "10"]
        found += [
            f"rejected: {verdict['type']} of {verdict['dossier']}: "
            + "; ".join(f"{error['rule']} {error['pointer']} {error['title']}" for error in verdict["errors"])
            for verdict in self.verdicts
            if verdict["outcome"] == "rejected"
        ]
        return found if self.killed else [*found, "it was never killed in mid-journey"]


def run(program: Program, folder: Path, country: Country) -> Trial:
    """Run one program, which is built in `folder`, through a dossier with a fee and one without."""
    trial, begun = Trial(program.name), time.monotonic()
    sandbox = country.new_sandbox(seed=f"connectors-{program.name}", start=START)
    port = ports.free_base()
    url = f"http://127.0.0.1:{port}/" if program.via == "webhook" else None
    connector = sandbox.connect(PROVINCE, program.via, url=url)
    (folder / program.name / "connector.json").write_text(json.dumps(connector.credentials), encoding="utf-8")
    running = Running(program, folder, {"LIENTHONG_URL": country.url, "PORT": str(port)})
    try:
        _Journeys(sandbox, running, trial).travel()
    except (Trouble, Problem) as trouble:
        trial.trouble = str(trouble)
    finally:
        running.kill()
    trial.verdicts = connector.verdicts()
    trial.seconds = time.monotonic() - begun
    return trial


class _Journeys:
    """Two dossiers on their way. The program is killed at the first verdict, and again when it works after the payment."""

    def __init__(self, sandbox: Sandbox, running: Running, trial: Trial) -> None:
        self.running, self.trial = running, trial
        self.sandbox, self.connector = sandbox, sandbox.connector(PROVINCE)
        self.lan, self.until = sandbox.citizen("lan"), time.monotonic() + PATIENCE

    def travel(self) -> None:
        self.running.start()
        paid, free = (self.lan.submit(each, PROVINCE, COMMUNE)["code"] for each in (COPY, FREE))
        self.trial.dossiers = {paid: "", free: ""}
        self._await(RECEIVED, paid)
        self._kill_at(RECEIVED)
        self._start_again()
        self._await(RETURNED, free)
        self._await(DEMANDED, paid)
        self._arrive(paid, DEMANDED)
        self.lan.pay(paid)
        self._await(STARTED, paid)
        self._kill_at(STARTED)
        self._start_again()
        for code in (paid, free):
            self._await(RETURNED, code)
            self._arrive(code, RETURNED)
            self.trial.dossiers[code] = str(self.lan.dossier(code)["status"]["code"])

    def _kill_at(self, type: Event) -> None:
        self.running.kill()
        begun, ended = (self._accepted(each) for each in (RECEIVED, RETURNED))
        if begun - ended:
            self.trial.killed.append(type)

    def _start_again(self) -> None:
        """A webhook is sent again when the sandbox's clock says so, and that stands still."""
        self.running.start()
        if self.running.program.via == "webhook":
            for code in self.trial.dossiers:
                self.connector.resend(dossier=code)

    def _accepted(self, type: Event) -> set[str]:
        """Codes of the dossiers of which a message of this type was accepted."""
        return {
            verdict["dossier"]
            for verdict in self.connector.verdicts()
            if verdict["type"] == type and verdict["outcome"] == "accepted"
        }

    def _await(self, type: Event, code: str) -> None:
        """Until a message of this type about the dossier was judged. Raises Trouble."""
        last = 0
        while time.monotonic() < self.until:
            for verdict in self.connector.verdicts(last, WAIT):
                last = verdict["number"]
                if (verdict["type"], verdict["dossier"]) == (type, code):
                    return
            self.running.require_alive()
        raise Trouble(f"No {type} of {code} came in {PATIENCE:g} s.\n{self.running.last_words()}")

    def _arrive(self, code: str, type: Event) -> None:
        """Until the portal has the event. Raises Trouble."""
        arrival = self.sandbox.wait_for(code, type, timeout_seconds=PATIENCE)
        if arrival["verdict"] != "there":
            raise Trouble(f"{type} of {code} did not arrive: {arrival['sentence_en']}\n{self.running.last_words()}")
