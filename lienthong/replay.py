"""A run written down and made again: seed, start, and every call that changed something, as persona, operation, arguments.

Same seed, same calls, same clock: per dossier the same events, apart from the sandbox's id, event ids' places and real times.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from lienthong.client import Citizen, Country, Sandbox
from lienthong.client.http import Door, Problem, every_row

FORMAT = "lienthong-replay/1"
SERVICES = ("portal", "gateway", "payment")  # that record calls
HOUSES = ("portal", "gateway")  # that tell events
REPEATED = (429, 500, 502, 503, 504)  # a fault at the door: the same call again
ATTEMPTS = 20
WITHIN_SANDBOX = re.compile(r"^(/_lab/sandboxes|/s)/[^/?]+")
PERSONAL_NUMBER = re.compile(r"\d{12}")
TRANSACTION = re.compile(r"/checkout/([^/]+)/pay")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Difference:
    """Where two runs part: an event of a dossier, or a call's outcome, with what either side has (None: nothing)."""

    where: str
    recorded: Any
    replayed: Any


@dataclass
class Replayed:
    """What came of making a run again."""

    sandbox: str
    calls: int = 0
    events: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def same(self) -> bool:
        return not self.differences


# --- writing down ---------------------------------------------------------------------------------------------------------
async def export(sandbox: Sandbox, settle_seconds: float = 10) -> dict[str, Any]:
    """What is needed to make the run of a sandbox again, and what came of it. Settles first, for so long at most."""
    country = sandbox.country
    verdict = await sandbox.settle(settle_seconds)
    row = await country.show_sandbox(sandbox.id)
    personas = {each["number"]: each["persona"] for each in await sandbox.people()}
    own = {"people": row["people"], "organisations": row["organisations"]}
    parts = await asyncio.gather(*(_recorded(sandbox, service) for service in SERVICES))
    made = sorted((call for part in parts for call in part), key=lambda call: datetime.fromisoformat(call["real_at"]))
    return {
        "format": FORMAT,
        "sandbox": {
            **{name: row[name] for name in ("seed", "begins_at", "rate")},
            **{name: said for name, said in own.items() if said},
        },
        "calls": [_call(call, personas) for call in made],
        "settled": verdict["verdict"],
        "events": await events_by_dossier(sandbox),
    }


async def _recorded(sandbox: Sandbox, service: str) -> list[dict[str, Any]]:
    return await every_row(sandbox.country.service(service).send, f"/_lab/sandboxes/{sandbox.id}/recorded")


def _call(call: dict[str, Any], personas: dict[str, str]) -> dict[str, Any]:
    """As persona, operation, arguments; the sandbox's id and every secret are left out."""
    kept = {
        "service": call["service"],
        "persona": personas.get(call["caller"]),
        "operation": f"{call['method']} {WITHIN_SANDBOX.sub(lambda found: found[1] + '/{sandbox}', call['path'])}",
        "arguments": call["body"],
        "key": call["key"],
    }
    if call["caller"].startswith("desk/"):
        kept["desk"] = call["caller"].removeprefix("desk/")
    return {name: value for name, value in kept.items() if value is not None}


async def events_by_dossier(sandbox: Sandbox) -> dict[str, list[dict[str, Any]]]:
    """Every event told in a sandbox, by dossier: first the portal's, then the province's, each in its order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for house in HOUSES:
        rows = await every_row(sandbox.country.service(house).send, f"/_lab/sandboxes/{sandbox.id}/events")
        for row in rows:
            kept = {name: row[name] for name in ("service", "version", "id", "event", "at", "data")}
            found.setdefault(row["subject"], []).append(kept)
    return dict(sorted(found.items()))


# --- making again ---------------------------------------------------------------------------------------------------------
async def replay(
    country: Country,
    run: dict[str, Any],
    *,
    seed: str | None = None,
    keep: bool = False,
    say: Say = lambda line: None,
) -> Replayed:
    """Make a run again in a sandbox of its own and compare.

    seed  another one than the run's, to see what hangs on it
    """
    begins = run["sandbox"]
    wish = {
        "seed": seed or begins["seed"],
        "start": begins["begins_at"],
        "name": f"replay of seed {begins['seed']}"[:100],
        "people": begins.get("people"),
        "organisations": begins.get("organisations"),
    }
    async with country.sandbox(**wish, keep=keep) as sandbox:
        replayed = Replayed(sandbox.id)
        player = _Player(sandbox)
        for number, call in enumerate(run["calls"], start=1):
            say(f"{number} of {len(run['calls'])}: {call.get('persona') or call['service']} {call['operation']}")
            await sandbox.settle()
            try:
                await player.make(call)
            except Problem as problem:
                where = f"call {number}, {call['operation']}"
                replayed.differences.append(
                    Difference(where, "succeeded", f"{problem.status} {problem.type}: {problem}")
                )
            replayed.calls = number
        await sandbox.settle()
        told = await events_by_dossier(sandbox)
        replayed.events = sum(map(len, told.values()))
        replayed.differences += differences(run["events"], told)
    return replayed


def differences(recorded: dict[str, list[Any]], replayed: dict[str, list[Any]]) -> list[Difference]:
    """The first event of each dossier that is not the same."""
    found = []
    for code in sorted(recorded.keys() | replayed.keys()):
        pairs = _side_by_side(recorded.get(code, []), replayed.get(code, []))
        if (first := next(((one, other) for one, other in pairs if one != other), None)) is not None:
            event = first[0] or first[1]
            found.append(Difference(f"{code}, {event['service']} event {event['version']}", *first))
    return found


def _side_by_side(ours: Sequence[Any], theirs: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    place = {(each["service"], each["version"]): each for each in theirs}
    for each in ours:
        yield each, place.pop((each["service"], each["version"]), None)
    yield from ((None, each) for each in place.values())


class _Player:
    """Makes recorded calls in another sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._citizens: dict[str, Citizen] = {}
        self._headers = {"X-Sandbox": sandbox.id}

    async def make(self, call: dict[str, Any]) -> None:
        """One call, again when a fault at the door says no. Raises the Problem of a call that is refused."""
        for attempt in range(ATTEMPTS):
            try:
                await self._make(call)
                return
            except Problem as problem:
                if problem.status not in REPEATED or attempt == ATTEMPTS - 1:
                    raise
                await self._sandbox.settle()

    async def _make(self, call: dict[str, Any]) -> None:
        method, _, path = call["operation"].partition(" ")
        path = path.replace("{sandbox}", self._sandbox.id)
        options = _content(call.get("arguments"))
        headers = {**self._headers, **({"Idempotency-Key": call["key"]} if "key" in call else {})}
        if call["service"] == "portal" and path.startswith("/_lab"):
            await self._sandbox.country.portal.send(method, path, timeout=120.0, headers=headers, **options)
        elif call["service"] == "portal":
            api = path if path.startswith("/api") else f"/api/v1{path}"
            await self._citizen(call["persona"]).ask(method, api, key=call.get("key"), **options)
        elif call["service"] == "gateway":
            api = path if path.startswith("/_lab") else f"/api/v1/provinces/{call['desk']}{path}"
            await self._sandbox.country.gateway.send(method, api, headers=headers, **options)
        else:
            await self._pay(self._sandbox.country.payment, method, path, options)

    async def _pay(self, payment: Door, method: str, path: str, options: dict[str, Any]) -> None:
        try:
            await payment.send(method, path, **options)
        except Problem as problem:
            if problem.type != "order-already-paid":  # a break after the work was done: it is done
                raise

    def _citizen(self, persona: str) -> Citizen:
        return self._citizens.setdefault(persona, self._sandbox.citizen(persona))


def _content(arguments: Any) -> dict[str, Any]:
    """What httpx sends for recorded arguments."""
    if arguments is None:
        return {}
    if isinstance(arguments, dict) and arguments.keys() == {"base64", "media_type"}:
        content = base64.b64decode(cast(str, arguments["base64"]))
        return {"content": content, "media_type": arguments["media_type"]}
    return {"json": arguments}
