"""Where both sides keep each field of each event. The list of fields is that of the contracts.

A field that is not listed here, or that the contracts do not have, fails tests/unit/test_prove_fields.py.

A place is a member of the stored dossier: `owner.name`; `demands[demand].pay_by` is that of the demand whose number the event
has in `demand`; `[*]` stands for each element of a list, and `[+]` says that the elements are added to those of earlier events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contracts import lifecycle as law


@dataclass(frozen=True)
class Kept:
    """Where portal and gateway keep a field; None: that side does not keep it.

    turned    what is kept instead of the value itself: in the gateway, and in the portal if it is the same place
    unless_late  the gateway ignores it if the office went on, ended or was paid otherwise meanwhile, which is no mistake
    why       why neither side keeps it
    """

    portal: str | None = None
    gateway: str | None = None
    turned: Callable[[Any], Any] | None = None
    unless_late: bool = False
    why: str = ""


def both(place: str) -> Kept:
    return Kept(place, place)


def nowhere(why: str) -> Kept:
    return Kept(why=why)


def _each(members: tuple[str, ...], of: str, portal: str, gateway: str | None = None) -> dict[str, Kept]:
    """The members of every element of the list `of`."""
    return {f"/{of}/*/{name}": Kept(f"{portal}.{name}", gateway and f"{gateway}.{name}") for name in members}


ONLY_TOLD = "is told once, and read in the timeline"
COUNTED = "is counted from what is stored"
MONEY = "decides refunds, which are compared with the platform"
EVERY = {"/dossier_code": both("code"), "/province": both("province"), "/procedure": both("procedure")}
OFFICER = {"/officer": nowhere(ONLY_TOLD)}
PLACE = ("province", "commune")
PAPER = ("component", "name", "media_type", "size", "sha256", "form", "digitisation")
RECEIPT = ("kind", "series", "number", "amount_dong")
ITEM = ("kind", "name", "amount_dong")
SCORES = (
    "total_time",
    "time_per_agency",
    "contacts",
    "agencies_contacted",
    "organisation",
    "publication",
    "attitude",
    "feedback",
    "online_service",
)
FILING = {
    **EVERY,
    **{f"/authority/{name}": both(name) for name in PLACE},
    "/applicant/id": Kept("applicant_id"),
    "/applicant/name": Kept("applicant_name", "applicant"),
    **{
        f"/{name}": both(name)
        for name in ("channel", "note", "case", "version", "payer_group", "capacity", "return_by")
    },
    "/owner/kind": Kept("owner.kind"),
    "/owner/id": Kept("owner.id"),
    "/owner/name": Kept("owner.name", "owner"),
    **{f"/{of}/{name}": both(f"{of}.{name}") for of in ("help_at", "reception", "filed_under") for name in PLACE},
    **_each(PAPER, "papers", "papers[+]"),
    "/papers/*/component": Kept("papers[+].component", "papers", turned=len),
}
ENDED = {
    **EVERY,
    **OFFICER,
    "/reason": both("reason"),
    **{f"/{name}": nowhere(MONEY) for name in ("refund_dong", "paid_dong", "returned_dong")},
}
FIELDS: dict[str, dict[str, Kept]] = {
    law.DOSSIER_SUBMITTED: {
        **FILING,
        "/submitted_at": both("submitted_at"),
        "/applicant/level": nowhere("is checked by the portal before it accepts the submission"),
    },
    law.DOSSIER_REGISTERED: {**FILING, **OFFICER, "/registered_at": both("submitted_at")},
    law.DOSSIER_RECEIVED: {
        **EVERY,
        **OFFICER,
        **{f"/{name}": both(name) for name in ("received_at", "due_at", "count", "pause", "case", "version")},
        "/limit/value": Kept("limit[0]", "limit.value"),
        "/limit/unit": Kept("limit[1]", "limit.unit"),
        "/working_days": nowhere(COUNTED),
        "/forward_by": nowhere(ONLY_TOLD),
        "/at_desk": nowhere(ONLY_TOLD),
    },
    law.DOSSIER_REFUSED: {**ENDED, "/refused_at": nowhere(ONLY_TOLD)},
    law.DOSSIER_REJECTED: {**ENDED, "/rejected_at": nowhere(ONLY_TOLD)},
    law.DOSSIER_STOPPED: {**ENDED, "/stopped_at": nowhere(ONLY_TOLD)},
    law.DOSSIER_WITHDRAWN: {**ENDED, "/withdrawn_at": nowhere(ONLY_TOLD)},
    law.WITHDRAWAL_DECLINED: {
        **EVERY,
        **OFFICER,
        "/reason": Kept("reason"),
        "/declined_at": nowhere(ONLY_TOLD),
    },
    law.DOSSIER_HANDED_OVER: {
        **EVERY,
        **OFFICER,
        **{f"/from_unit/{name}": both(f"reception.{name}") for name in PLACE},
        **{f"/to_unit/{name}": both(name) for name in PLACE},
        "/handed_over_at": both("handed_over_at"),
        "/forward_by": nowhere(ONLY_TOLD),
    },
    law.SUPPLEMENT_REQUESTED: {
        **EVERY,
        **OFFICER,
        "/request": both("supplements[request].number"),
        "/reason": Kept("supplements[request].reason"),
        "/items/*/text": Kept("supplements[request].items[*]"),
        "/items/*/component": nowhere(ONLY_TOLD),
        "/answer_by": both("supplements[request].answer_by"),
        "/counts_as_overdue": Kept("supplements[request].counts_as_overdue"),
        "/requested_at": Kept(None, "supplements[request].requested_at"),
    },
    law.SUPPLEMENT_ANSWERED: {
        **EVERY,
        "/request": nowhere("names the request"),
        **_each(PAPER, "papers", "papers[+]"),
        "/papers/*/component": Kept("papers[+].component", "papers", turned=len, unless_late=True),
        "/note": nowhere(ONLY_TOLD),
        "/answered_at": Kept("supplements[request].answered_at", "supplements[request].answered_at", unless_late=True),
    },
    law.FEE_DEMANDED: {
        **EVERY,
        "/fee_dong": Kept("demands[demand].amount_dong"),
        "/demand": both("demands[demand].number"),
        "/moment": both("demands[demand].moment"),
        "/pay_by": both("demands[demand].pay_by"),
        **_each(ITEM, "items", "demands[demand].items[*]", "demands[demand].items[*]"),
        "/replaces": Kept("demands[replaces].superseded", "demands[replaces].superseded", turned=lambda _: True),
        "/demanded_at": nowhere(ONLY_TOLD),
        "/notice_number": nowhere(ONLY_TOLD),
    },
    law.FEE_PAID: {
        **EVERY,
        **OFFICER,
        "/demand": nowhere("names the demand"),
        "/amount_dong": Kept("demands[demand].amount_dong"),
        "/method": Kept("demands[demand].taken", "demands[demand].paid_by"),
        **_each(RECEIPT, "receipts", "demands[demand].receipts[*]"),
        "/paid_at": Kept(None, "demands[demand].paid_at"),
    },
    law.FEE_WAIVED: {
        **EVERY,
        **OFFICER,
        "/demand": nowhere("names the demand"),
        "/amount_dong": Kept("demands[demand].amount_dong"),
        "/reason": Kept("demands[demand].waived", "demands[demand].paid_by", turned=lambda _: "waived"),
        "/waived_at": Kept(None, "demands[demand].paid_at"),
    },
    law.PROCESSING_STARTED: {
        **EVERY,
        **OFFICER,
        "/started_at": Kept(None, "started_at"),
        "/due_at": both("due_at"),
    },
    law.PROCESSING_RESUMED: {
        **EVERY,
        **OFFICER,
        "/due_at": both("due_at"),
        "/resumed_at": nowhere(ONLY_TOLD),
        "/pause": nowhere(ONLY_TOLD),
        "/at_desk": nowhere(ONLY_TOLD),
    },
    law.DOSSIER_RESCHEDULED: {
        **EVERY,
        **OFFICER,
        "/reason": Kept("reason"),
        "/due_at": both("due_at"),
        "/apologised_at": Kept("apologised_at", "rescheduled", turned=lambda _: True),
        "/previous_due_at": nowhere(ONLY_TOLD),
    },
    law.DOSSIER_RESULT_READY: {
        **EVERY,
        **OFFICER,
        **{f"/{name}": both(name) for name in ("ready_at", "result_number")},
        **{f"/{name}": Kept(name) for name in ("on_time", "timeliness")},
        "/supplement_requests": nowhere(COUNTED),
        "/result/sha256": Kept(None, "own_result"),
        "/result/signed_at": nowhere(ONLY_TOLD),
        "/result/signature": nowhere(ONLY_TOLD),
    },
    law.DOSSIER_RESULT_RETURNED: {**EVERY, "/returned_at": Kept("returned_at"), "/channel": Kept("returned_by")},
    law.DOSSIER_RATED: {
        **EVERY,
        **{f"/scores/{name}": Kept(f"rating.{name}") for name in SCORES},
        "/scores": Kept(None, "rated", turned=lambda scores: sum(scores.values())),
        "/comment": Kept("rating_comment"),
        "/rated_at": nowhere(ONLY_TOLD),
    },
    law.WITHDRAWAL_REQUESTED: {
        **EVERY,
        "/reason": nowhere("is kept until it is answered; that it is answered is checked"),
        "/requested_at": nowhere(ONLY_TOLD),
    },
    law.PAYMENT_CONFIRMED: {
        **EVERY,
        "/reference": Kept("payments[reference].reference", "demands[demand].paid_by", unless_late=True),
        "/amount_dong": Kept("payments[reference].amount_dong"),
        "/transaction": Kept("payments[reference].transaction"),
        "/paid_at": Kept("payments[reference].paid_at"),
        "/demand": Kept("payments[reference].demand"),
        **_each(RECEIPT, "receipts", "payments[reference].receipts[*]"),
    },
    law.PAYMENT_REFUNDED: {
        **EVERY,
        "/reference": Kept("payments[reference].reference"),
        "/amount_dong": Kept("payments[reference].refund_dong"),
        "/refund": Kept("payments[reference].refund"),
        "/refunded_at": nowhere(ONLY_TOLD),
    },
}
BEGINNING = law.BEGUN_BY  # what such an event leaves out has its default in both copies
# Members whose absence means something else than nothing.
DEFAULTS: dict[str, Any] = {
    "payer_group": "ordinary",
    "capacity": "self",
    "channel": "online",
    "demand": 1,
    "count": "law",
    "pause": "anew",
    "papers": 0,
    "refund_dong": 0,
}
