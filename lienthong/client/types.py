"""What the doors answer with, as far as clients read it."""

from __future__ import annotations

from typing import Any, TypedDict

from lienthong.client.timeline import Entry


class Status(TypedDict):
    code: int
    slug: str
    name_vi: str
    name_en: str


class Fee(TypedDict):
    """One demand. `status`: due, paid, refund_pending, partly_refunded, refunded, superseded, lapsed."""

    amount_dong: int
    status: str
    reference: str | None
    demand: int
    moment: str
    items: list[dict[str, Any]]
    pay_by: str | None
    paid_by: str | None
    refunded_dong: int
    receipts: list[dict[str, Any]]


class Dossier(TypedDict):
    """The portal's copy of a dossier, as its owner sees it; `can` is what the citizen may do now."""

    code: str
    procedure: str
    case: str | None
    channel: str
    authority: dict[str, Any]
    status: Status
    submitted_at: str
    received_at: str | None
    due_at: str | None
    reason: str | None
    supplements: list[dict[str, Any]]
    fee: Fee | None  # the demand that stands: the last of `demands`
    demands: list[Fee]
    paid_dong: int
    refunded_dong: int
    withdrawal: str
    result: dict[str, Any] | None
    papers: list[dict[str, Any]]
    rating: dict[str, int] | None
    can: list[str]


class ProvinceDossier(TypedDict):
    """The province's copy of a dossier; `can` is what its officials may do now, `planned` what they will do by themselves.

    `needs` names the one fact without which a move of `can` cannot be made: at_desk or fee.
    """

    code: str
    status: Status
    province: str
    procedure: str
    received_at: str | None
    due_at: str | None
    fee_dong: int | None
    demands: list[dict[str, Any]]
    supplements: list[dict[str, Any]]
    paid: bool
    paid_dong: int
    refunded_dong: int
    result_number: str | None
    reason: str | None
    rated: int | None
    planned: str | None
    can: list[str]
    needs: dict[str, str]


class ProvinceMode(TypedDict):
    """How a province acts; `set_for` says where that was set: for itself, for `*`, or (None) nowhere."""

    province: str
    name_vi: str
    name_en: str
    mode: str
    tempo: str | None
    decisions: dict[str, Any] | None
    set_for: str | None


class Wish(TypedDict, total=False):
    """What a new sandbox shall be like; what is left out or None is left to the portal.

    seed          text; the same seed gives the same people, codes and decisions
    rate          sandbox seconds per real second; 0 = frozen
    start         an instant with its offset, such as 2026-06-09T08:00:00+07:00
    time_to_live  real time until it is deleted, such as 1h
    people        of its own, beside the six of every sandbox, by persona: `name` in full, `sex` (female or male), and if
                  wished `born_on` (YYYY-MM-DD), `level` (1 or 2), `represents` (keys of organisations), `children` (names)
    organisations of its own, by key: `name`
    modes         by code of a province, or `*` for all others: `mode` (simulated, manual), and if wished `tempo`, `decisions`
    faults        rules that are on from the start: `fault`, and if wished `match`, `with`, `nth` and so on. docs/faults.md
    """

    seed: str | None
    name: str | None
    start: str | None
    rate: float | None
    time_to_live: str | None
    people: dict[str, dict[str, Any]] | None
    organisations: dict[str, dict[str, Any]] | None
    modes: dict[str, dict[str, Any]] | None
    faults: list[dict[str, Any]] | None


class SandboxRow(TypedDict):
    """A sandbox as the portal shows it.

    api_key      as `X-Api-Key` it chooses the sandbox, as `X-Sandbox` with the id does
    oidc_client  the client that signs people of this sandbox in, at `issuer`
    people       of its own, beside the six of every sandbox; as a Wish says them
    lagging      services that have not heard of it yet
    """

    id: str
    name: str
    seed: str
    rate: float
    now: str
    created_at: str
    begins_at: str | None
    expires_at: str | None
    api_key: str
    oidc_client: str
    issuer: str
    people: dict[str, dict[str, Any]]
    organisations: dict[str, dict[str, Any]]
    lagging: list[str]


class Reading(TypedDict):
    """What a clock shows. `rate` is sandbox seconds per real second; 0 = frozen."""

    now: str
    rate: float


class Verdict(TypedDict):
    """What `settle` found: still, waiting or held, and for whom it waits."""

    verdict: str
    proof_of_absence: bool
    next_due: str | None
    waiting_for: list[dict[str, Any]]


class Advance(TypedDict):
    """Where the clock stands now, and what fired on the way (at, service, kind, subject)."""

    now: str
    fired: list[dict[str, Any]]
    verdict: Verdict


class Cause(TypedDict):
    """Why nothing happens to a dossier; `mend` says what to do about it."""

    name: str
    sentence_en: str
    sentence_vi: str
    mend_en: str
    mend_vi: str
    facts: dict[str, Any]


class Arrival(TypedDict):
    """What became of waiting for an event: there, absent, not-before, held or waiting."""

    verdict: str
    entry: Entry | None
    sentence_en: str
    sentence_vi: str
    not_before: str | None
    waiting_for: list[dict[str, Any]]
    cause: Cause | None


class News(TypedDict):
    """How long the story of a dossier is, whether it has ended, and why it goes no further."""

    entries: int
    ended: bool
    now: str
    cause: Cause
