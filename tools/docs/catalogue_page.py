"""docs/catalogue.md, computed from the data: what is in the catalogue, how far to trust it, how it answers."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from contracts.catalogue.fees import RULES, Rule
from contracts.catalogue.procedures import CHANNELS
from contracts.catalogue.rows import MARKS, rows
from contracts.catalogue.units import COMMUNES, OLD_PROVINCES, PROVINCES, old_communes
from contracts.catalogue.versions import PROCEDURES, VERSIONS

TOP = """\
# The catalogue

Printed from `contracts/data/` by `make contracts`; edit the data, not this page. The code is `contracts/catalogue/`,
the doors are `GET /api/v1/procedures`, `/provinces`, `/units`, `/fields`, `/life-events` and `/payer-groups`.
"""

TRUST = """\
## How far to trust it

Every row bears a mark, and everything shown says `verified: true` or `false`. Only what a source says is `true`.
`false` is a default that can be changed: do not repeat it as fact.

- {procedures} procedures. Of {found} code and time or fee were read in a source (our facts do not say which of the two), of
  {code_found} code and name only, of {memory} nothing; {provisional} bear a code of ours that begins with `0.`.
- {cases} cases. The limit of {read} comes from a procedure or a note that was read, that of {unread} does not.
- {provinces} provinces, {communes:,} communes and what became of the old codes: found.
"""

PROCEDURE_RULES = """\
## Procedures, cases, versions

- Every procedure can be filed in every province while one of its versions is in force, through each of its `channels`
  ({channels}; what is not done on line at all: the first and the last).
- A version holds from its `valid_from` up to, not including, its `valid_to`. Of most nothing was read: version 1 from
  1 July 2025, unverified. A dossier keeps the version that was in force when it was received.
- A case (`1.001193.01`) has its own limit, papers and fee. Where the facts have no limit it is 10 working days, where
  they have no papers one declaration: both ours. "Same day" in the facts is the unit `same_day`; `day` counts calendar days.
- `level` says who decides. A commune's procedure needs a commune of the province; one of the province or of a ministry
  is received by the province's desk; `any_level` may be filed at either.
- `boundary_independent: listed` means that Hải Phòng declared the whole group so; we treat it so in every province.

Procedures with more than one version:
"""

FEE_RULES = """\
## How a fee is found

`GET /api/v1/procedures/CODE/fee` asks for procedure, case, province, channel, payer group and day. What a row of
`fees.csv` leaves open holds for all. Its `valid_to` is the first day on which it holds no more.

1. Of the amounts that hold, the most specific wins, for each thing that is paid for (`item`) by itself. A rule is more
   specific when it names the **payer group**; then, when neither or both do, the **case**; then the **province**; then
   the **channel**; then the **procedure**; then the one that began **later**.
2. Of the reductions that hold (`off_percent`), the most specific is taken off that amount; of equally specific ones the
   larger. They never add up.
3. No amount: `known` is false, nothing is demanded. Unless a reduction of 100 % holds: then it is known to be nothing.
4. `exempt` says that nothing is paid because of such a rule; `why_vi` and `why_en` say which.

Phí (`service_fee`) and lệ phí (`registration_fee`) are kept apart on every item. Nobody has read which is which for a
row, so `kind_verified` is false throughout. Amounts per page, copy or person are charged once: how many there are is
not asked. Rules that depend on day, place or payer:
"""

UNIT_RULES = """\
## Units in time

- On 1 July 2025 {old_provinces} provinces became {provinces} and {old_communes:,} communes with a code became {communes:,};
  the district level ended. (Five island districts had no commune, so nothing can be filed under one.)
- A code of today means today's unit. Any other is read as one of before the merger: {unique:,} of those {only_old:,} have
  one successor, and a dossier filed under one is answered with it, its old codes kept beside. {split} were divided: which
  successor is meant cannot be told, so the answer is `unit-split` with all of them.
- Where the province is named by a code that is no more, or the day lies before the merger, the commune's code is read as
  an old one first: today's communes reuse old codes, and {reused} of the units that bore them were divided.
- Which part of a divided unit is its "default" is one package's choice (`split_default`); it decides nothing here.
- A province's `unit_type` is that of the day asked about. Three provinces are cities by October 2026; that it happened on
  {city_day} is ours, unverified.
"""

FINDING = """\
## Finding, and pages

`q` finds procedures in which every word begins a word of the code, the Vietnamese name, the English name or the field, in
this order of rank, with or without diacritics (`dang ky khai sinh`). `field`, `level`, `life_event`, `channel` and
`offered` narrow it; `on` asks about another day than the sandbox's today.

Every list is a JSON array of at most `page_size` rows (200 unless said, 500 at most), at the test doors too. `Link`
(RFC 8288) leads to the `next` page, `X-Total-Count` says how many rows there are, except of dossiers, papers and dead
letters, which nobody counts. Follow the link; what is inside a `page_token` may change.
"""

REFUSALS = """\
## When the answer is no

| problem | status | when |
|---|---|---|
| `procedure-not-found` | 404 | no procedure has this code |
| `procedure-withdrawn` | 409 | it is in force no more, perhaps since it was chosen; `replaced_by` names what to file instead |
| `procedure-not-yet-in-force` | 409 | its first version begins later |
| `procedure-not-offered` | 409 | not through this channel; `channels` names those it has |
| `case-not-found` | 404 | the procedure has no such case; `cases` names them |
| `commune-outside-authority` | 409 | a commune is missing, is too many, or lies in another province |
| `reception-elsewhere` | 409 | the desk lies in another province, or the procedure depends on the place |
| `province-not-found`, `commune-not-found`, `unit-not-found` | 404 | neither today nor before the merger |
| `unit-split` | 409 | an old commune with several `successors` |
| `payer-group-not-found` | 404 | no such group of payers |
"""


def catalogue_page() -> str:
    """The whole page."""
    return "\n".join(
        (TOP, _trust(), _procedures(), _versions(), FEE_RULES, _dated_rules(), _units(), FINDING, REFUSALS)
    )


def _trust() -> str:
    parts: list[tuple[str, Iterable[str]]] = [
        ("fee rules", (row["mark"] for row in rows("fees.csv"))),
        ("phí or lệ phí, of the same", (row["kind_mark"] for row in rows("fees.csv") if row["kind_mark"])),
        ("versions told of", (row["mark"] for row in rows("procedure_versions.csv"))),
        ("cases beside the first", (row["mark"] for row in rows("procedure_cases.csv") if row["limit_value"])),
        ("papers, by their words", (row["mark"] for row in rows("papers.csv"))),
        ("life events", (row["mark"] for row in rows("life_events.csv"))),
        ("payer groups", (row["mark"] for row in rows("payer_groups.csv"))),
        ("changes of unit type", (row["mark"] for row in rows("unit_types.csv"))),
    ]
    known: Counter[str] = Counter(procedure.confidence for procedure in PROCEDURES.values())
    limits = Counter(case.limit_verified for procedure in PROCEDURES.values() for case in procedure.cases)
    told = TRUST.format(
        procedures=len(PROCEDURES),
        **known,
        provisional=sum(procedure.provisional_code for procedure in PROCEDURES.values()),
        cases=limits.total(),
        read=limits[True],
        unread=limits[False],
        provinces=len(PROVINCES),
        communes=len(COMMUNES),
    )
    lines = [
        told,
        "| rows | " + " | ".join(f"{mark}: {meaning}" for mark, (meaning, _) in MARKS.items()) + " |",
        "|---|" + "---|" * len(MARKS),
    ]
    for name, marks in parts:
        counted = Counter(marks)
        lines.append(f"| {name} | " + " | ".join(str(counted[mark]) for mark in MARKS) + " |")
    return "\n".join((*lines, ""))


def _procedures() -> str:
    return PROCEDURE_RULES.format(channels=", ".join(f"`{channel}`" for channel in CHANNELS))


def _versions() -> str:
    lines = ["| procedure | version | from | before | limit | replaced by | read |", "|---|---|---|---|---|---|---|"]
    for known in VERSIONS.values():
        if len(known) > 1 or known[-1].valid_to:
            for version in known:
                limit = version.cases[0].limit
                lines.append(
                    f"| {version.code} {version.name_vi} | {version.version} | {version.valid_from} | "
                    f"{version.valid_to or ''} | {limit.value:g} `{limit.unit.value}` | {version.replaced_by or ''} | "
                    f"{_yes(version.version_verified)} |"
                )
    return "\n".join((*lines, ""))


def _dated_rules() -> str:
    lines = ["| rule | for | days | pays | read |", "|---|---|---|---|---|"]
    for rule in RULES:
        if rule.valid_from or rule.valid_to or rule.payer_groups or rule.provinces:
            pays = f"{rule.off_percent} % off" if rule.off_percent else f"{rule.amount_dong:,} đồng"
            lines.append(f"| `{rule.id}` | {_for(rule)} | {_days(rule)} | {pays} | {_yes(rule.verified)} |")
    return "\n".join((*lines, ""))


def _for(rule: Rule) -> str:
    named = [", ".join(part) for part in (rule.procedures, rule.provinces, rule.channels, rule.payer_groups) if part]
    return "; ".join(named)


def _days(rule: Rule) -> str:
    last = rule.valid_to - timedelta(days=1) if rule.valid_to else None
    return " ".join(
        part for part in (f"from {rule.valid_from}" if rule.valid_from else "", f"to {last}" if last else "") if part
    )


def _units() -> str:
    old = old_communes()
    only_old = [unit for code, unit in old.items() if code not in COMMUNES]
    divided = [unit for unit in only_old if len(unit.became) > 1]
    (city_day,) = {row["valid_from"] for row in rows("unit_types.csv")}
    return UNIT_RULES.format(
        old_provinces=len(OLD_PROVINCES),
        provinces=len(PROVINCES),
        old_communes=len(old),
        communes=len(COMMUNES),
        only_old=len(only_old),
        unique=len(only_old) - len(divided),
        split=len(divided),
        reused=sum(len(unit.became) > 1 for code, unit in old.items() if code in COMMUNES),
        city_day=city_day,
    )


def _yes(read: bool) -> str:
    return "yes" if read else "no"
