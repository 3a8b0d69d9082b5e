"""The fee of a dossier: the rules of fees.csv, and which rule applies to a case, place, channel, payer and day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Literal, cast

from contracts.catalogue.procedures import Case, Procedure
from contracts.catalogue.rows import day, many, rows, verified
from shared.errors import Refusal

Kind = Literal["service_fee", "registration_fee"]  # phí, the price of a service · lệ phí, a charge of the state
ORDINARY = "ordinary"


class PayerGroupNotFound(Refusal):
    """There is no such group of payers."""


@dataclass(frozen=True, slots=True)
class PayerGroup:
    """A group of payers with its own rules. `verified`: a source names the group."""

    code: str
    name_vi: str
    name_en: str
    verified: bool


@dataclass(frozen=True, slots=True)
class FeeItem:
    """One item of a fee.

    kind            service_fee (phí) or registration_fee (lệ phí); `kind_verified`: a source says which
    rule            id in fees.csv, followed by a plus sign and the id of the reduction, if there is one
    verified        whether a source states the amount
    """

    kind: Kind
    name_vi: str
    amount_dong: int
    rule: str
    verified: bool
    kind_verified: bool


@dataclass(frozen=True, slots=True)
class Fee:
    """The fee of a dossier.

    verified   a source states every amount and reduction in it
    exempt     nothing is paid, because a rule exempts the payer, the place or the channel
    why_…      reason of an exemption, a reduction or an unknown fee; empty otherwise
    known      false: the fee is not known, so none is demanded here
    """

    items: tuple[FeeItem, ...]
    total_dong: int
    verified: bool
    exempt: bool
    why_vi: str
    why_en: str
    known: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of fees.csv: an amount, or a reduction. An empty field means that the rule applies to all values.

    valid_from, valid_to   first day on which the rule applies, first day on which it no longer applies
    item                   the item that the rule is about; a reduction without one applies to all items
    off_percent            reduction, 1-100 percent of the amount
    """

    id: str
    procedures: tuple[str, ...]
    case: str
    provinces: tuple[str, ...]
    channels: tuple[str, ...]
    payer_groups: tuple[str, ...]
    valid_from: date | None
    valid_to: date | None
    item: str
    kind: Kind
    kind_verified: bool
    name_vi: str
    amount_dong: int
    off_percent: int
    why_vi: str
    why_en: str
    verified: bool

    @property
    def specificity(self) -> tuple[bool, bool, bool, bool, bool, date]:
        """Sort key if several rules apply: payer group, case, province, channel, procedure, then the later day."""
        fields = (self.payer_groups, self.case, self.provinces, self.channels, self.procedures)
        payer, case, province, channel, procedure = (bool(field) for field in fields)
        return payer, case, province, channel, procedure, self.valid_from or date.min

    def holds(self, case: str, province: str, channel: str, payer_group: str, on: date) -> bool:
        return (
            self.case in ("", case)
            and (not self.provinces or province in self.provinces)
            and (not self.channels or channel in self.channels)
            and (not self.payer_groups or payer_group in self.payer_groups)
            and (self.valid_from is None or self.valid_from <= on)
            and (self.valid_to is None or on < self.valid_to)
        )


def fee_of(
    procedure: Procedure,
    case: Case,
    *,
    province: str,
    channel: str,
    payer_group: str = ORDINARY,
    on: date,
) -> Fee:
    """The fee of a dossier of this case.

    For every item the most specific amount applies. Then the most specific reduction is subtracted; of two equally
    specific ones, the larger. Reductions are never added together.

    province   catalogue code of the province that receives the dossier
    raises     PayerGroupNotFound
    """
    if payer_group not in PAYER_GROUPS:
        known = list(PAYER_GROUPS)
        raise PayerGroupNotFound("GET /api/v1/payer-groups lists them.", payer_group=payer_group, known=known)
    number = case.code.rpartition(".")[2]
    candidates = (*_OF_PROCEDURE.get(procedure.code, ()), *_OF_ALL)
    holding = [rule for rule in candidates if rule.holds(number, province, channel, payer_group, on)]
    holding.sort(key=lambda rule: (rule.specificity, rule.off_percent))  # the last one wins
    amounts = {rule.item: rule for rule in holding if not rule.off_percent}
    reductions = [rule for rule in holding if rule.off_percent]
    if not amounts:
        return _without_amount(reductions)
    used: list[Rule] = []
    items = []
    for rule in amounts.values():
        applicable = [off for off in reductions if off.item in ("", rule.item)] if rule.amount_dong else []
        used += [rule, *applicable[-1:]]
        items.append(_item(rule, applicable[-1] if applicable else None))
    total = sum(item.amount_dong for item in items)
    why_vi, why_en = _reasons(used)
    return Fee(
        tuple(items), total, all(rule.verified for rule in used), not total and bool(why_vi), why_vi, why_en, True
    )


def _item(rule: Rule, off: Rule | None) -> FeeItem:
    amount = rule.amount_dong * (100 - (off.off_percent if off else 0)) // 100
    rule_id = f"{rule.id}+{off.id}" if off else rule.id
    is_verified = rule.verified and (off is None or off.verified)
    return FeeItem(rule.kind, rule.name_vi, amount, rule_id, is_verified, rule.kind_verified)


def _without_amount(reductions: list[Rule]) -> Fee:
    """The fee if no amount is known: nothing is demanded. If a rule waives everything, nothing is owed at all."""
    waived = [rule for rule in reductions if rule.off_percent == 100 and not rule.item]
    if waived:
        return Fee((), 0, waived[-1].verified, True, waived[-1].why_vi, waived[-1].why_en, True)
    why_vi = "Mức thu chưa xác định được; hệ thống này không thu."
    return Fee((), 0, False, False, why_vi, "The amount is not known; nothing is demanded here.", False)


def _reasons(used: Iterable[Rule]) -> tuple[str, str]:
    reasons = {rule.why_vi: rule.why_en for rule in used if rule.why_vi}
    return "; ".join(reasons), "; ".join(reasons.values())


def _rules() -> tuple[Rule, ...]:
    return tuple(
        Rule(
            id=row["id"],
            procedures=many(row["procedure"]),
            case=row["case"],
            provinces=many(row["province"]),
            channels=many(row["channel"]),
            payer_groups=many(row["payer_group"]),
            valid_from=day(row["valid_from"]),
            valid_to=day(row["valid_to"]),
            item=row["item"],
            kind=cast(Kind, row["kind"]),
            kind_verified=bool(row["kind_mark"]) and verified(row["kind_mark"]),
            name_vi=row["name_vi"],
            amount_dong=int(row["amount_dong"] or 0),
            off_percent=int(row["off_percent"] or 0),
            why_vi=row["why_vi"],
            why_en=row["why_en"],
            verified=verified(row["mark"]),
        )
        for row in rows("fees.csv")
    )


def _of_procedure() -> dict[str, tuple[Rule, ...]]:
    """Procedure code → the rules that name this procedure."""
    groups: dict[str, list[Rule]] = {}
    for rule in RULES:
        for code in rule.procedures:
            groups.setdefault(code, []).append(rule)
    return {code: tuple(rules) for code, rules in groups.items()}


PAYER_GROUPS: Mapping[str, PayerGroup] = MappingProxyType(
    {
        row["code"]: PayerGroup(row["code"], row["name_vi"], row["name_en"], verified(row["mark"]))
        for row in rows("payer_groups.csv")
    }
)
RULES = _rules()
_OF_PROCEDURE = _of_procedure()
_OF_ALL = tuple(rule for rule in RULES if not rule.procedures)
