"""What a dossier costs: the figures that sources give, the order of the rules, and what nobody knows."""

from collections import Counter
from datetime import date

import pytest

from contracts.catalogue import PAYER_GROUPS, PROCEDURES, PROVINCES, Fee, PayerGroupNotFound, fee_of
from contracts.catalogue.fees import RULES
from contracts.catalogue.rows import rows

SUMMER = date(2026, 6, 9)
IDENTITY_CARD, PASSPORT = "0.000045", "0.000054"


def fee(
    code: str,
    case: str | None = None,
    *,
    province: str = "37",
    channel: str = "online",
    payer_group: str = "ordinary",
    on: date = SUMMER,
) -> Fee:
    procedure = PROCEDURES[code]
    found = procedure.case(f"{code}.{case}" if case else None)
    return fee_of(procedure, found, province=province, channel=channel, payer_group=payer_group, on=on)


@pytest.mark.parametrize(
    ("code", "channel", "dong", "kind"),
    [
        ("2.000635", "online", 8_000, "service_fee"),
        ("2.000635", "direct", 8_000, "service_fee"),
        ("1.004222", "direct", 20_000, "registration_fee"),
        ("1.004222", "online", 10_000, "registration_fee"),
        ("1.004194", "direct", 15_000, "registration_fee"),
        ("1.004194", "online", 7_000, "registration_fee"),
        ("2.000815", "online", 2_000, "service_fee"),
    ],
)
def test_a_fee_that_was_read_is_shown_as_read(code: str, channel: str, dong: int, kind: str) -> None:
    found = fee(code, channel=channel)
    assert (found.total_dong, found.known, found.verified, found.exempt) == (dong, True, True, False)
    (item,) = found.items
    assert (item.amount_dong, item.kind, item.verified) == (dong, kind, True)
    assert not item.kind_verified, "nobody has read which is phí and which lệ phí"


def test_the_post_pays_as_the_counter_and_says_that_this_is_ours() -> None:
    found = fee("1.004222", channel="public_postal")
    assert (found.total_dong, found.verified) == (20_000, False)


def test_the_rules_say_what_the_procedure_list_says_where_no_place_or_day_is_named() -> None:
    listed = {row["code"] or f"0.{n:06d}": row for n, row in enumerate(rows("procedures.csv"), start=1)}
    dated = {code for rule in RULES if rule.valid_from or rule.provinces for code in rule.procedures}
    publication = {code for rule in RULES if rule.item == "publication" for code in rule.procedures}
    halved = {code for rule in RULES if rule.off_percent and not rule.payer_groups for code in rule.procedures}
    compared = 0
    for code in PROCEDURES.keys() - dated - publication - halved:
        for channel, column in (("direct", "fee_direct_vnd"), ("online", "fee_online_vnd")):
            if listed[code][column]:
                assert fee(code, channel=channel).total_dong == int(listed[code][column]), code
                compared += 1
    assert compared > 100


def test_phi_and_le_phi_stand_apart() -> None:
    found = fee("2.001610", channel="direct")
    assert {item.kind: item.amount_dong for item in found.items} == {"registration_fee": 50_000, "service_fee": 100_000}
    assert (found.total_dong, found.verified) == (150_000, False)
    assert fee("2.001610").total_dong == 100_000, "on line only the publication is paid"


def test_a_case_has_its_own_fee() -> None:
    after = date(2027, 1, 1)
    assert fee(IDENTITY_CARD, on=after).total_dong == 50_000
    assert fee(IDENTITY_CARD, "02", on=after).total_dong == 30_000
    assert fee(PASSPORT, "02", on=after).total_dong == 400_000
    assert fee("1.004194", "02").total_dong == 5_000
    assert (fee("1.001193").total_dong, fee("1.001193").known) == (0, True)
    assert not fee("1.001193", "02").known, "late registration: a provincial council sets it"


def test_half_is_taken_off_until_the_end_of_2026() -> None:
    for code, case, base in ((IDENTITY_CARD, None, 50_000), (PASSPORT, None, 200_000), (PASSPORT, "02", 400_000)):
        last_day = fee(code, case, on=date(2026, 12, 31))
        assert (last_day.total_dong, last_day.exempt, last_day.verified) == (base // 2, False, True)
        assert "TT 64/2025" in last_day.why_vi and last_day.items[0].rule.endswith("+tt64-2025")
        assert (fee(code, case, on=date(2027, 1, 1)).total_dong, fee(code, case, on=date(2027, 1, 1)).why_vi) == (
            base,
            "",
        )


def test_hai_phong_asks_nothing_online_from_a_day_on() -> None:
    apology_due_at, first_day = date(2026, 8, 7), date(2026, 8, 8)
    here = fee("1.001022", province="31", on=first_day)
    assert (here.total_dong, here.exempt, here.known, here.verified) == (0, True, True, True)
    assert "NQ 23/2026" in here.why_vi and "NQ 23/2026" in here.why_en
    assert not fee("1.001022", province="31", on=apology_due_at).known
    assert not fee("1.001022", province="31", channel="direct", on=first_day).known
    assert not fee("1.001022", province="37", on=first_day).known
    assert fee("1.011441", province="31", channel="direct", on=first_day).total_dong == 80_000


def test_a_province_s_own_fee_beats_the_usual_one() -> None:
    assert fee("1.001612", province="37").total_dong == 100_000
    published = fee("1.001612", province="31", channel="direct")
    assert (published.total_dong, published.verified) == (150_000, True)
    assert fee("1.001612", province="31").verified is False


@pytest.mark.parametrize("code", ["2.000635", "1.004222", "3.000333", IDENTITY_CARD, "2.001610"])
def test_digital_citizens_pay_nothing_between_two_days(code: str) -> None:
    for on in (date(2026, 8, 15), date(2027, 2, 28)):
        free = fee(code, payer_group="digital_citizen", on=on)
        assert (free.total_dong, free.exempt) == (0, True)
        assert "66.22/2026" in free.why_vi
    for on in (date(2026, 8, 14), date(2027, 3, 1)):
        assert fee(code, payer_group="digital_citizen", on=on) == fee(code, on=on)


def test_a_waiver_of_an_unknown_fee_is_known_to_be_nothing() -> None:
    assert not fee("1.001022").known
    waived = fee("1.001022", payer_group="digital_citizen", on=date(2026, 9, 1))
    assert (waived.known, waived.exempt, waived.verified, waived.total_dong) == (True, True, True, 0)


@pytest.mark.parametrize(
    ("group", "dong", "exempt"),
    [("ordinary", 200_000, False), ("student", 100_000, False), ("merit", 100_000, False), ("child", 0, True)],
)
def test_groups_pay_less_for_a_judicial_record(group: str, dong: int, exempt: bool) -> None:
    found = fee("3.000333", payer_group=group)
    assert (found.total_dong, found.exempt, found.verified) == (dong, exempt, False)
    assert bool(found.why_vi) is (group != "ordinary")


def test_what_nobody_knows_is_not_demanded() -> None:
    unknown = fee("1.001022")
    assert unknown == Fee((), 0, False, False, unknown.why_vi, unknown.why_en, False)
    assert unknown.why_vi and unknown.why_en


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(PayerGroupNotFound) as refused:
        fee("2.000635", payer_group="friend")
    assert "student" in refused.value.facts["known"]  # type: ignore[operator]


def test_every_rule_speaks_of_what_exists() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert set(rule.procedures) <= set(PROCEDURES), rule.id
        assert set(rule.provinces) <= set(PROVINCES), rule.id
        assert set(rule.payer_groups) <= set(PAYER_GROUPS), rule.id
        assert set(rule.channels) <= {"direct", "online", "public_postal"}, rule.id
        assert not rule.case or all(PROCEDURES[code].case(f"{code}.{rule.case}") for code in rule.procedures), rule.id
        assert 0 <= rule.off_percent <= 100 and rule.amount_dong >= 0 and not (rule.off_percent and rule.amount_dong)
        assert bool(rule.off_percent) is (rule.kind not in ("service_fee", "registration_fee")), rule.id
        assert bool(rule.why_vi) is bool(rule.why_en) and (rule.why_vi or not rule.off_percent), rule.id


def test_no_two_amounts_claim_the_same_dossier_with_the_same_right() -> None:
    """Wherever several hold, one is the most specific: asked for every case, channel, group, place and day that rules name."""
    days = sorted({day for rule in RULES for day in (rule.valid_from, rule.valid_to) if day} | {SUMMER})
    places = sorted({place for rule in RULES for place in rule.provinces} | {"37"})
    for code, procedure in PROCEDURES.items():
        rules = [rule for rule in RULES if code in rule.procedures and not rule.off_percent]
        for case in procedure.cases:
            number = case.code.rpartition(".")[2]
            for place in places:
                for channel in procedure.channels:
                    for group in PAYER_GROUPS:
                        for day in days:
                            holding = [rule for rule in rules if rule.holds(number, place, channel, group, day)]
                            claims = Counter((rule.item, rule.specificity) for rule in holding)
                            assert not [claim for claim, times in claims.items() if times > 1], (case.code, place, day)
