"""The tables of docs/catalogue.md, computed from the data: what is in the catalogue, and how far to trust it."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from contracts.catalogue.fees import RULES, Rule
from contracts.catalogue.rows import MARKS, rows
from contracts.catalogue.units import COMMUNES, OLD_PROVINCES, PROVINCES, old_communes
from contracts.catalogue.versions import PROCEDURES, VERSIONS
from tools.docs.printed import table


def parts() -> dict[str, Iterable[str]]:
    """What is printed, by its place on the page."""
    return {
        "contracts/data/: trust": _trust(),
        "contracts/data/: marks": _marks(),
        "contracts/data/procedure_versions.csv": _versions(),
        "contracts/data/fees.csv": _dated_rules(),
        "contracts/data/: units": _units(),
    }


def _trust() -> list[str]:
    known = Counter(procedure.confidence for procedure in PROCEDURES.values())
    limits = Counter(case.limit_verified for procedure in PROCEDURES.values() for case in procedure.cases)
    counts = [
        ("procedures", len(PROCEDURES)),
        ("… code and time or fee were read in a source (our facts do not say which of the two)", known["found"]),
        ("… code and name only were read", known["code_found"]),
        ("… nothing was read", known["memory"]),
        ("… the code is ours and begins with `0.`", sum(each.provisional_code for each in PROCEDURES.values())),
        ("cases", limits.total()),
        ("… the limit comes from a procedure or a note that was read", limits[True]),
        ("… the limit was not read in a source", limits[False]),
    ]
    return table(("what", "how many"), counts)


def _marks() -> list[str]:
    marks: list[tuple[str, Iterable[str]]] = [
        ("fee rules", (row["mark"] for row in rows("fees.csv"))),
        ("phí or lệ phí, for these rules", (row["kind_mark"] for row in rows("fees.csv") if row["kind_mark"])),
        ("versions mentioned", (row["mark"] for row in rows("procedure_versions.csv"))),
        ("cases after the first", (row["mark"] for row in rows("procedure_cases.csv") if row["limit_value"])),
        ("papers, by their description", (row["mark"] for row in rows("papers.csv"))),
        ("life events", (row["mark"] for row in rows("life_events.csv"))),
        ("payer groups", (row["mark"] for row in rows("payer_groups.csv"))),
        ("changes of unit type", (row["mark"] for row in rows("unit_types.csv"))),
    ]
    counted = ((name, Counter(found)) for name, found in marks)
    headings = ("rows", *(f"{mark}: {meaning}" for mark, (meaning, _) in MARKS.items()))
    return table(headings, ((name, *(count[mark] for mark in MARKS)) for name, count in counted))


def _versions() -> list[str]:
    changed = [known for known in VERSIONS.values() if len(known) > 1 or known[-1].valid_to]
    cells = (
        (
            f"{version.code} {version.name_vi}",
            version.version,
            version.valid_from,
            version.valid_to or "",
            f"{version.cases[0].limit.value:g} `{version.cases[0].limit.unit.value}`",
            version.replaced_by or "",
            _yes(version.version_verified),
        )
        for known in changed
        for version in known
    )
    return table(("procedure", "version", "from", "before", "limit", "replaced by", "read"), cells)


def _dated_rules() -> list[str]:
    cells = []
    for rule in RULES:
        if rule.valid_from or rule.valid_to or rule.payer_groups or rule.provinces:
            pays = f"{rule.off_percent} % off" if rule.off_percent else f"{rule.amount_dong:,} đồng"
            cells.append((f"`{rule.id}`", _for(rule), _days(rule), pays, _yes(rule.verified)))
    return table(("rule", "for", "days", "pays", "read"), cells)


def _for(rule: Rule) -> str:
    named = [", ".join(part) for part in (rule.procedures, rule.provinces, rule.channels, rule.payer_groups) if part]
    return "; ".join(named)


def _days(rule: Rule) -> str:
    last = rule.valid_to - timedelta(days=1) if rule.valid_to else None
    return " ".join(
        part for part in (f"from {rule.valid_from}" if rule.valid_from else "", f"to {last}" if last else "") if part
    )


def _units() -> list[str]:
    old = old_communes()
    only_old = [unit for code, unit in old.items() if code not in COMMUNES]
    divided = sum(len(unit.became) > 1 for unit in only_old)
    reused = sum(len(unit.became) > 1 for code, unit in old.items() if code in COMMUNES)
    (city_day,) = {row["valid_from"] for row in rows("unit_types.csv")}
    counts = [
        ("provinces, before and after the merger", f"{len(OLD_PROVINCES)} → {len(PROVINCES)}"),
        ("communes with a code, before and after", f"{len(old):,} → {len(COMMUNES):,}"),
        ("old codes that no commune of today has", f"{len(only_old):,}"),
        ("… with one successor", f"{len(only_old) - divided:,}"),
        ("… of a unit that was divided", divided),
        ("codes of today that a divided unit had before", reused),
        ("day on which three provinces became cities", city_day),
    ]
    return table(("what", "value"), counts)


def _yes(read: bool) -> str:
    return "yes" if read else "no"
