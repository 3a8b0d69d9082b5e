"""The methods of `lienthong.sync`, generated from those of `lienthong.client` by `make contracts`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Unpack

from lienthong.background import SyncObject
from lienthong.client import (
    citizen,
    clock,
    connectors,
    country,
    faults,
    payments,
    province,
)
from lienthong.client.payments import Order, Partner, Registered
from lienthong.client.types import (
    Advance,
    Arrival,
    Batch,
    Cause,
    ConnectorRow,
    Delivery,
    Dossier,
    Entry,
    Event,
    FaultName,
    Move,
    News,
    ProvinceDossier,
    ProvinceMode,
    Reading,
    RedrivenLetter,
    SandboxRow,
    State,
    Verdict,
    Wish,
)


class CountryMethods(SyncObject[country.Country]):
    def provinces(self) -> list[dict[str, Any]]:
        """The 34 provinces."""
        return self.run(self.there.provinces())

    def communes(self, province: str) -> list[dict[str, Any]]:
        """The communes of a province."""
        return self.run(self.there.communes(province))

    def procedures(self) -> list[dict[str, Any]]:
        """Procedures that can be submitted online."""
        return self.run(self.there.procedures())

    def faults(self, family: str = "") -> list[dict[str, Any]]:
        """Every named fault, or those of one `family`, such as http: each fault names its own."""
        return self.run(self.there.faults(family))

    def create_sandbox(self, **wish: Unpack[Wish]) -> SandboxRow:
        """What is left out or None is left to the portal; docs/faults.md and docs/modes.md say more of `faults`, `modes`."""
        return self.run(self.there.create_sandbox(**wish))

    def show_sandbox(self, sandbox_id: str) -> SandboxRow:
        """A sandbox by its id."""
        return self.run(self.there.show_sandbox(sandbox_id))

    def list_sandboxes(self) -> list[SandboxRow]:
        """All sandboxes, the oldest first."""
        return self.run(self.there.list_sandboxes())

    def change_sandbox(self, /, sandbox_id: str, **change: Any) -> SandboxRow:
        """Change `name` or `time_to_live` (None: no end) of a sandbox."""
        return self.run(self.there.change_sandbox(sandbox_id, **change))

    def projections(self) -> list[dict[str, Any]]:
        """What the portal computes from events: `name`, `sources`, `generation`, `behind`, `lanes_cut`."""
        return self.run(self.there.projections())

    def rebuild_projection(self, name: str) -> dict[str, Any]:
        """Compute a projection again from the first event; it is complete once `behind` is 0."""
        return self.run(self.there.rebuild_projection(name))

    def delete_sandbox(self, sandbox_id: str) -> None:
        """Delete a sandbox in all services."""
        return self.run(self.there.delete_sandbox(sandbox_id))


class SandboxMethods(SyncObject[country.Sandbox]):
    def show(self) -> SandboxRow:
        """Its seed, API key, OpenID Connect client and issuer: the settings of a program under test."""
        return self.run(self.there.show())

    def settle(self, timeout_seconds: float = 30) -> Verdict:
        """Wait until nothing more can happen at this instant of the clock; else the verdict names what it waits for."""
        return self.run(self.there.settle(timeout_seconds))

    def script(self, /, code: str, **decisions: Any) -> None:
        """Set what the officers will decide on one dossier, such as reception="refuse"; the dossier need not exist yet."""
        return self.run(self.there.script(code, **decisions))

    def timeline(self, code: str) -> list[Entry]:
        """The timeline of one dossier, merged from all services."""
        return self.run(self.there.timeline(code))

    def timeline_of(self, code: str, service: str) -> list[Entry]:
        """One service's part of a dossier's timeline; `service` is identity, portal, payment or gateway."""
        return self.run(self.there.timeline_of(code, service))

    def people(self) -> list[dict[str, Any]]:
        """People who can sign in: persona, name, number (12 digits), level, and whom they represent (kind, id, name)."""
        return self.run(self.there.people())

    def events(self, code: str) -> list[Entry]:
        """Timeline entries of the events that portal and province sent each other over Kafka about a dossier."""
        return self.run(self.there.events(code))

    def dossiers(self) -> list[str]:
        """Codes of all dossiers that have an event, in order of their first event."""
        return self.run(self.there.dossiers())

    def statistics(self, province: str | None = None) -> dict[str, Any]:
        """How many dossiers stand in which state, by province: `dossiers`, `states`, `provinces`, `behind`."""
        return self.run(self.there.statistics(province))

    def dead_letters(self, service: str) -> list[dict[str, Any]]:
        """Dead letters of a service, oldest first; `service` is portal or gateway."""
        return self.run(self.there.dead_letters(service))

    def dead_letter(self, service: str, id: str) -> dict[str, Any]:
        """One dead letter: the event, and why it could not be applied."""
        return self.run(self.there.dead_letter(service, id))

    def edit_dead_letter(self, service: str, id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace the body of a dead letter; the first one stays as `original`, and `changes` says what differs."""
        return self.run(self.there.edit_dead_letter(service, id, body))

    def redrive(self, service: str, id: str) -> RedrivenLetter:
        """Apply a dead letter again, then the events that wait behind it; `outcome` says what became of it."""
        return self.run(self.there.redrive(service, id))

    def redrive_all(self, service: str, *, type: str | None = None, dossier: str | None = None) -> list[RedrivenLetter]:
        """Redrive every open dead letter of a service, oldest first; returns what became of each.

        type, dossier  only those of this event type, or of this dossier
        """
        return self.run(self.there.redrive_all(service, type=type, dossier=dossier))

    def republish(
        self, service: str, *, lane: int | None = None, dossier: str | None = None, since: str | None = None
    ) -> list[dict[str, Any]]:
        """Let a service publish events again from its event log; readers skip what they have applied.

        lane     only this one
        dossier  only the lane of this dossier, from its first event on
        since    an instant of real time with its offset: each lane from its first event of then or later
        returns  each lane: `topic`, `lane`, `epoch`, `number` of its first event, and how many `events` follow
        """
        return self.run(self.there.republish(service, lane=lane, dossier=dossier, since=since))

    def modes(self) -> list[ProvinceMode]:
        """How each of the 34 provinces acts."""
        return self.run(self.there.modes())

    def set_mode(
        self,
        province: str,
        mode: str,
        tempo: str | None = None,
        decisions: dict[str, Any] | None = None,
        *,
        via: str | None = None,
        url: str | None = None,
        content_mode: str | None = None,
        gate: str | None = None,
        adapter: dict[str, Any] | None = None,
    ) -> ProvinceMode:
        """Set how a province acts; it applies to all its dossiers when this returns.

        mode       simulated, manual (officials act only through the API) or external (a connector decides)
        tempo      for simulated: working_clock (the default), at_once or scripted
        decisions  for scripted: as in `Sandbox.script`, for every dossier without its own script
        via        for external: kafka, webhook, pull or legacy; `url` is the address of a webhook's receiver, and of the
                   reverse calls of legacy,
                   `content_mode` is structured (the default) or binary, for webhooks
        gate       for external: strict (the default) or lenient (the default over legacy)
        adapter    for legacy: `profile`, and what is otherwise than in it
        """
        return self.run(
            self.there.set_mode(
                province,
                mode,
                tempo,
                decisions,
                via=via,
                url=url,
                content_mode=content_mode,
                gate=gate,
                adapter=adapter,
            )
        )

    def reset_mode(self, province: str) -> ProvinceMode:
        """Remove a mode: the province acts again as set for `*`; `*` itself returns to the working clock."""
        return self.run(self.there.reset_mode(province))

    def disconnect(self, province: str) -> bool:
        """Give a province back to the mode that it has without a connector; its connector's key ends.

        Returns whether it was connected; a province that was not keeps its mode.
        """
        return self.run(self.there.disconnect(province))

    def views(self, code: str) -> dict[str, Any]:
        """What each interface says of a dossier: `network`, `pushed` over the adapter API, `differs`, `lost`."""
        return self.run(self.there.views(code))

    def connectors(self) -> list[ConnectorRow]:
        """Every connector: its door, when it was last heard and told, what it has not acknowledged, its verdicts."""
        return self.run(self.there.connectors())

    def wait_for(self, /, code: str, event: Event, *, count: int = 1, timeout_seconds: float = 10) -> Arrival:
        """Wait for the `count`th event of a type about a dossier; returns at once if it certainly does not come."""
        return self.run(self.there.wait_for(code, event, count=count, timeout_seconds=timeout_seconds))

    def explain(self, code: str) -> list[Cause]:
        """Why nothing happens to a dossier, the main cause first."""
        return self.run(self.there.explain(code))

    def news(self, code: str, *, after: int, timeout_seconds: float = 10) -> News:
        """Wait until the timeline of a dossier has more than `after` entries, or until the timeout."""
        return self.run(self.there.news(code, after=after, timeout_seconds=timeout_seconds))


class ClockMethods(SyncObject[clock.Clock]):
    def read(self) -> Reading:
        """The sandbox's time and the clock's rate."""
        return self.run(self.there.read())

    def now(self) -> datetime:
        """The sandbox's time, as an aware datetime."""
        return self.run(self.there.now())

    def set(self, to: str | datetime) -> Reading:
        """Set the clock directly to a later instant, without waiting for timers that become due in between."""
        return self.run(self.there.set(to))

    def advance(self, by: str | timedelta | None = None, *, to: str | datetime | None = None) -> Advance:
        """Advance the clock `by` a duration or `to` an instant; every timer on the way fires at its own due time."""
        return self.run(self.there.advance(by, to=to))

    def rate(self, rate: float) -> Reading:
        """Let the clock run at `rate` sandbox seconds per real second; 0 freezes it at its current time."""
        return self.run(self.there.rate(rate))

    def freeze(self) -> Reading:
        """Stop the clock at its current time."""
        return self.run(self.there.freeze())

    def resume(self) -> Reading:
        """Let the clock run in real time, from its current time."""
        return self.run(self.there.resume())


class CitizenMethods(SyncObject[citizen.Citizen]):
    def sign_in(self) -> str:
        """Run the OIDC authorization code flow with PKCE; returns the access token."""
        return self.run(self.there.sign_in())

    def ask(
        self, /, method: str, path: str, *, key: str | None = None, media_type: str | None = None, **options: Any
    ) -> Any:
        """Any request to the portal's API as this person; returns the JSON of the response."""
        return self.run(self.there.ask(method, path, key=key, media_type=media_type, **options))

    def who_am_i(self) -> dict[str, Any]:
        """This person's claims, with the people and organisations that it `represents`."""
        return self.run(self.there.who_am_i())

    def submit(
        self, /, procedure: str, province: str, commune: str | None = None, *, key: str | None = None, **more: Any
    ) -> Dossier:
        """Submit a dossier. `more`: other members of the request, such as note, papers, owner; the portal's OpenAPI lists them.

        key  Idempotency-Key: a repeated request with the same key has no further effect; random if left out
        """
        return self.run(self.there.submit(procedure, province, commune, key=key, **more))

    def upload(self, name: str, content: bytes, media_type: str = "application/pdf") -> dict[str, Any]:
        """Upload a paper to the citizen's store. Submissions and supplements refer to its `id`."""
        return self.run(self.there.upload(name, content, media_type))

    def supplement(self, code: str, papers: Sequence[dict[str, str]] = (), note: str | None = None) -> Dossier:
        """Supply the papers that the office asked for."""
        return self.run(self.there.supplement(code, papers, note))

    def rate(self, code: str, scores: dict[str, int], comment: str | None = None) -> Dossier:
        """Rate an ended dossier, once: nine indicators, 0 to 2 each."""
        return self.run(self.there.rate(code, scores, comment))

    def dossiers(self) -> list[Dossier]:
        """All dossiers of this person, newest first."""
        return self.run(self.there.dossiers())

    def dossier(self, code: str) -> Dossier:
        """One dossier of this person."""
        return self.run(self.there.dossier(code))

    def start_payment(self, code: str, *, key: str | None = None) -> dict[str, Any]:
        """Start the payment of the fee that is due; returns `reference` and `checkout_url`."""
        return self.run(self.there.start_payment(code, key=key))

    def pay(self, code: str, *, outcome: str = "success", key: str | None = None) -> dict[str, Any]:
        """Start the payment at the portal, open the platform's checkout and pay; with `outcome="failed"` the payment fails."""
        return self.run(self.there.pay(code, outcome=outcome, key=key))

    def withdraw(self, code: str, reason: str, *, key: str | None = None) -> Dossier:
        """Request the withdrawal; the province decides."""
        return self.run(self.there.withdraw(code, reason, key=key))


class ProvinceMethods(SyncObject[province.Province]):
    def dossiers(self) -> list[ProvinceDossier]:
        """All dossiers of this province."""
        return self.run(self.there.dossiers())

    def register(
        self, /, procedure: str, commune: str | None, applicant: dict[str, str], **more: Any
    ) -> ProvinceDossier:
        """Register a dossier submitted at a counter (or by post: `channel="public_postal"`).

        applicant  `id` (12 digits) and `name`
        more       other members of the request, such as channel, papers, receive; the gateway's OpenAPI lists them
        """
        return self.run(self.there.register(procedure, commune, applicant, **more))

    def register_many(self, dossiers: Sequence[Mapping[str, Any]]) -> Batch:
        """Register up to 200 dossiers in one request; each has an outcome of its own.

        dossiers  bodies as of `register`, each with a `key` of yours: what is sent again with its key has no second effect
        """
        return self.run(self.there.register_many(dossiers))

    def inbox(
        self, *, state: State | None = None, commune: str | None = None, field: str | None = None
    ) -> list[ProvinceDossier]:
        """The open dossiers, oldest first; `can` lists the moves that are possible now. `field`: such as civil_status."""
        return self.run(self.there.inbox(state=state, commune=commune, field=field))

    def dossier(self, code: str) -> ProvinceDossier:
        """One dossier of this province."""
        return self.run(self.there.dossier(code))

    def do(self, /, code: str, move: Move, **facts: Any) -> ProvinceDossier:
        """Make one move of the lifecycle table, such as `request_supplement` with `reason` and `items`."""
        return self.run(self.there.do(code, move, **facts))

    def do_many(self, moves: Sequence[Mapping[str, Any]]) -> Batch:
        """Make up to 200 moves in one request, in order; each has `key`, `code`, `does` and its facts, and its own outcome."""
        return self.run(self.there.do_many(moves))


class ConnectorMethods(SyncObject[connectors.Connector]):
    def deliveries(self, after: int = 0, wait: float = 0) -> list[dict[str, Any]]:
        """What the connector is told after a number, as CloudEvents; `delivery` of each is its number.

        after  acknowledges all deliveries up to it
        wait   seconds to wait while there is nothing new, at most 60
        """
        return self.run(self.there.deliveries(after, wait))

    def kept_cursor(self, subscription: str) -> int:
        """The cursor that the gateway keeps for a subscription; 0 if it keeps none."""
        return self.run(self.there.kept_cursor(subscription))

    def keep_cursor(self, subscription: str, cursor: int) -> None:
        """Acknowledge all deliveries up to a number, which the gateway keeps for the subscription."""
        return self.run(self.there.keep_cursor(subscription, cursor))

    def say(self, event: dict[str, Any]) -> dict[str, Any]:
        """Say what happened in the province; returns the verdict, also one that rejects it."""
        return self.run(self.there.say(event))

    def check(self, event: dict[str, Any]) -> dict[str, Any]:
        """The verdict that an event would get now, without effect."""
        return self.run(self.there.check(event))

    def check_raw(
        self, content: bytes, headers: Sequence[tuple[str, bytes]], *, gate: str = "strict"
    ) -> dict[str, Any]:
        """The verdict that any bytes would get now, without effect, in every mode of the province."""
        return self.run(self.there.check_raw(content, headers, gate=gate))

    def example(self, type: str, dossier: str) -> dict[str, Any]:
        """A complete event of a type about a dossier; it is accepted now if the law allows it now."""
        return self.run(self.there.example(type, dossier))

    def hand_in_result(self, dossier: str, content: bytes | str) -> dict[str, Any]:
        """Hand in the result of a dossier before it is announced: it is served in place of the gateway's own page.

        content  a PDF, or the address of one
        """
        return self.run(self.there.hand_in_result(dossier, content))

    def trigger(self, /, type: str, dossier: str, **data: Any) -> dict[str, Any]:
        """Say an event of this type about a dossier, made from contract and dossier; returns the verdict.

        data  members of its body, in place of the made ones
        """
        return self.run(self.there.trigger(type, dossier, **data))

    def call(self, /, name: str, dossier: str, **changes: Any) -> dict[str, Any]:
        """Let the portal tell the province something that no event says, over the adapter API; returns what is sent.

        Its member `answer` is what the province answered (`status`, `error`, `head`); None if it did not within 5 s.

        name     promotion-notice, promotion-amendment, tax-notice, tax-receipt, payment-confirmation or fee-look-up; for
                 systems of another family tax-notice-import, tax-receipt-import, payment-confirmation-there
        changes  members of the call, in place of the made ones
        """
        return self.run(self.there.call(name, dossier, **changes))

    def verdicts(self, after: int = 0, wait: float = 0) -> list[dict[str, Any]]:
        """The verdicts on what the connector said, after a number.

        wait  seconds to wait while there is nothing new, at most 60
        """
        return self.run(self.there.verdicts(after, wait))

    def sent(self, *, dossier: str | None = None, state: str | None = None) -> list[Delivery]:
        """Its deliveries, each with the attempts to send it by webhook (`log`).

        dossier, state  only these; waiting, delivered or given_up
        """
        return self.run(self.there.sent(dossier=dossier, state=state))

    def resend(
        self, event: str | None = None, *, dossier: str | None = None, since: datetime | str | None = None
    ) -> int:
        """Send deliveries by webhook again, in order, also those that were taken or given up; returns how many.

        One of: event (the id of one), dossier (all of one), since (a sandbox time: all of later events).
        """
        return self.run(self.there.resend(event, dossier=dossier, since=since))

    def disconnect(self) -> bool:
        """Give the province back to the mode that it has without a connector; the key ends. False: it was not connected."""
        return self.run(self.there.disconnect())


class FaultsMethods(SyncObject[faults.Faults]):
    def rules(self) -> list[dict[str, Any]]:
        """The rules that are on, each with how often it was evaluated (`seen`) and how often it fired (`fired`)."""
        return self.run(self.there.rules())

    def on(
        self,
        /,
        fault: FaultName,
        *,
        id: str | None = None,
        match: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        nth: int | None = None,
        times: int | None = None,
        probability: float | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> dict[str, Any]:
        """Switch a fault on. It is active in every service when this returns.

        match     conditions, such as province="37"; settings  of the fault ("with" in JSON), such as by="1d"
        nth, times, probability   at most one of them; none: every time
        since, until              instants of the sandbox's clock ("from", "until" in JSON)
        """
        return self.run(
            self.there.on(
                fault,
                id=id,
                match=match,
                settings=settings,
                nth=nth,
                times=times,
                probability=probability,
                since=since,
                until=until,
            )
        )

    def off(self, id: str | None = None) -> None:
        """Switch off one rule or all; requests and events that they delay continue."""
        return self.run(self.there.off(id))


class PaymentsMethods(SyncObject[payments.Payments]):
    def orders(self, code: str) -> list[Order]:
        """All orders of a dossier, oldest first."""
        return self.run(self.there.orders(code))

    def register(self, code: str, *, confirm_url: str | None = None, return_url: str | None = None) -> Registered:
        """A partner (MaDoiTac) that opens payments itself, new or with other addresses; its secret stays.

        confirm_url  where CONFIRM is sent; "": nowhere, it asks by QUERY; None: as it is, for a new partner nowhere
        return_url   where the payer's browser goes; "": it stays; None: as it is
        """
        return self.run(self.there.register(code, confirm_url=confirm_url, return_url=return_url))

    def partners(self) -> list[Partner]:
        """The partners of the sandbox, with their secrets."""
        return self.run(self.there.partners())

    def remove(self, code: str) -> None:
        """Remove a partner; its orders stay."""
        return self.run(self.there.remove(code))

    def pay(self, checkout_url: str) -> None:
        """Open the platform's page and pay. Raises Problem for an order that is paid or expired."""
        return self.run(self.there.pay(checkout_url))

    def fail(self, checkout_url: str) -> None:
        """Open the platform's page and let the payment fail; it may be tried again."""
        return self.run(self.there.fail(checkout_url))
