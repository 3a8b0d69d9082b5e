"""The portal's rules: the national copy of a dossier, who may do what with it, and its money. Plain Python, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE, SUBMITTED, State
from shared.errors import Refusal

STARTED, FAILED, PAID, REFUND_PENDING, REFUNDED = "started", "failed", "paid", "refund_pending", "refunded"
ATTEMPT_LIFE = timedelta(minutes=15)  # sandbox time; the platform closes an order after it, then a new attempt begins
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class DossierNotFound(Refusal):
    """This citizen has no such dossier in this sandbox."""

    def __init__(self, code: str) -> None:
        super().__init__("Check the code, the sandbox and whose token this is.", code=code)


class FeeMismatch(Refusal):
    """The amount offered is not the fee demanded."""


class NothingToPay(Refusal):
    """No fee is due in this state."""


class AlreadyPaid(Refusal):
    """The fee of this dossier is paid."""


class WithdrawalAlreadyAsked(Refusal):
    """A withdrawal was asked for and is not answered yet."""


@dataclass(frozen=True)
class Payment:
    """One attempt to pay; its reference is committed before the platform is called. Money in đồng, times in sandbox time."""

    reference: str
    amount_dong: int
    status: str
    started_at: datetime
    transaction: str | None = None
    paid_at: datetime | None = None
    refund: str | None = None


@dataclass(frozen=True)
class Dossier:
    """The national copy: what the citizen asked, and what the province said since."""

    code: str
    procedure: str
    province: str
    commune: str | None
    applicant_id: str
    applicant_name: str
    state_code: int
    submitted_at: datetime
    note: str | None = None
    heard: tuple[int, int] = (0, 0)  # epoch and dossierversion of the last event heard from the province
    first_epoch: int = 0  # the life of the province's event log in which we first heard of this dossier
    received_at: datetime | None = None
    due_at: datetime | None = None
    reason: str | None = None
    fee_dong: int | None = None
    payments: tuple[Payment, ...] = ()
    withdrawal: str = "none"  # "none" | "asked" | "granted" | "declined"
    result_number: str | None = None
    ready_at: datetime | None = None
    on_time: bool | None = None
    returned_at: datetime | None = None

    @property
    def state(self) -> State:
        return LIFECYCLE.state(self.state_code)

    @property
    def paid(self) -> Payment | None:
        """The payment that stands: confirmed, and not on its way back."""
        return next((payment for payment in self.payments if payment.status == PAID), None)

    def can(self) -> list[str]:
        """What the citizen may do now; computed from the lifecycle table."""
        verbs = {move.does for move in LIFECYCLE.moves_from(self.state) if move.who == law.CITIZEN}
        return [
            *(["pay"] if law.PAY in verbs and self.paid is None else []),
            *(["withdraw"] if law.ASK_WITHDRAWAL in verbs and self.withdrawal != "asked" else []),
        ]

    def asking_withdrawal(self) -> Dossier:
        LIFECYCLE.after(self.state, law.ASK_WITHDRAWAL, law.CITIZEN)
        if self.withdrawal == "asked":
            raise WithdrawalAlreadyAsked("Wait for the province's answer; GET the dossier to see it.", code=self.code)
        return replace(self, withdrawal="asked")

    def paying(self, amount_dong: int, at: datetime) -> tuple[Dossier, Payment]:
        """An attempt to pay: the open one if it still lives, else a new one."""
        if self.paid is not None:
            raise AlreadyPaid("Nothing more is due.", code=self.code, reference=self.paid.reference)
        if self.state != law.FINANCIAL_OBLIGATION:
            raise NothingToPay(
                "Wait until the province demands the fee (status 6).", code=self.code, state=self.state.slug
            )
        if amount_dong != self.fee_dong:
            raise FeeMismatch(
                f"Offer exactly {self.fee_dong} đồng.", code=self.code, fee_dong=self.fee_dong, offered_dong=amount_dong
            )
        last = self.payments[-1] if self.payments else None
        if last is not None and last.status == STARTED and at - last.started_at < ATTEMPT_LIFE:
            return self, last
        payment = Payment(reference_of(self.code, len(self.payments)), amount_dong, STARTED, at)
        return replace(self, payments=(*self.payments, payment)), payment

    def payment(self, reference: str) -> Payment | None:
        return next((payment for payment in self.payments if payment.reference == reference), None)

    def with_payment(self, changed: Payment) -> Dossier:
        return replace(self, payments=tuple(changed if p.reference == changed.reference else p for p in self.payments))


def new_dossier(
    code: str,
    procedure: str,
    province: str,
    commune: str | None,
    applicant_id: str,
    applicant_name: str,
    at: datetime,
    note: str | None,
) -> Dossier:
    return Dossier(code, procedure, province, commune, applicant_id, applicant_name, SUBMITTED.code, at, note)


def dossier_code(agency: str, day: str, value: int, life: int) -> str:
    """`H42.14464-20260609-0000001` (fact sheet 2.4). A database made anew counts from its next million, so no code repeats."""
    return f"{agency}-{day}-{(life - 1) % 10 * 1_000_000 + value:07d}"


def reference_of(code: str, attempt: int) -> str:
    """The platform's MaThamChieu, at most 20 letters and digits: the dossier code and the attempt, in base 36."""
    agency, day, sequence = code.split("-")
    _, _, commune = agency.partition(".")
    number = int(f"1{agency[1:3]}{commune or '0':0>5}{day}{sequence}{attempt % 100:02d}")
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return f"DVC{text}"


def code_of(reference: str) -> str | None:
    """The dossier code that a reference carries; None if it is none of ours."""
    if (
        not reference.startswith("DVC")
        or not 4 <= len(reference) <= 23
        or any(letter not in DIGITS for letter in reference)
    ):
        return None
    digits = str(int(reference[3:], 36))
    if len(digits) != 25 or digits[0] != "1":
        return None
    commune = "" if digits[3:8] == "00000" else f".{digits[3:8]}"
    return f"H{digits[1:3]}{commune}-{digits[8:16]}-{digits[16:23]}"
