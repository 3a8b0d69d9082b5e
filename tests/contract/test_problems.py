"""Every refusal has its row: a stable address, a fixed status, a title in two languages."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import services
import shared
from shared.errors import Refusal
from shared.problem_types import COMMON, Problems

TABLES: dict[str, Problems] = {
    service: importlib.import_module(f"services.{service}.problems").PROBLEMS
    for service in ("portal", "province_gateway", "identity_mock", "payment_mock")
}


def refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for found in kind.__subclasses__():
        yield found
        yield from refusals(found)


for package in (shared, services):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
OURS = sorted(
    {found for found in refusals() if found.__module__.startswith(("shared.", "services."))},
    key=lambda found: (found.__module__, found.__name__),
)
ROWS = [(service, kind, row) for service, table in {"common": COMMON, **TABLES}.items() for kind, row in table.items()]


def test_there_are_refusals() -> None:
    assert len(OURS) > 30


@pytest.mark.parametrize("refusal", OURS, ids=lambda found: f"{found.__module__}.{found.__name__}")
def test_every_refusal_has_a_row(refusal: type[Refusal]) -> None:
    where = refusal.__module__.split(".")
    if where[0] == "services":
        assert refusal in TABLES[where[1]], f"add {refusal.__name__} to services/{where[1]}/problems.py"
    else:
        known = {kind for table in (COMMON, *TABLES.values()) for kind in table}
        assert refusal in known, f"add {refusal.__name__} to shared/web/problems.py, or to the tables of its users"


@pytest.mark.parametrize(("service", "kind", "row"), ROWS, ids=lambda part: getattr(part, "__name__", str(part)))
def test_every_row_can_be_shown(service: str, kind: type[Refusal], row: object) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.slug)  # type: ignore[attr-defined]
    assert 400 <= row.status <= 503  # type: ignore[attr-defined]
    for title in (row.title, row.title_vi):  # type: ignore[attr-defined]
        assert title.endswith(".") and title[0].isupper()
    assert kind.__doc__, f"{kind.__name__} says in one sentence what rule it is"


def test_one_slug_is_one_problem_everywhere() -> None:
    shown: dict[str, set[tuple[int, str, str]]] = {}
    for _, _, row in ROWS:
        shown.setdefault(row.slug, set()).add((row.status, row.title, row.title_vi))
    assert {slug: rows for slug, rows in shown.items() if len(rows) > 1} == {}


def test_422_means_only_that_a_body_does_not_fit() -> None:
    assert {row.slug for _, _, row in ROWS if row.status == 422} == {"body-does-not-fit"}
