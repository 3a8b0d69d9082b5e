"""Ports of a stack: those that browsers do not call are neither found nor taken."""

from __future__ import annotations

import pytest

from lienthong.embedded import Trouble, ports
from lienthong.embedded.plan import Plan


def test_no_port_that_browsers_block_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    bases = iter((10_080, 10_100))
    monkeypatch.setattr(ports.random, "randrange", lambda *_: next(bases))
    monkeypatch.setattr(ports, "is_free", lambda port: True)
    assert ports.free_base() == 10_100


@pytest.mark.parametrize(
    ("base", "named"),
    [(10_080, "10080, which portal-api"), (5_997, "6000, which payment"), (6_664, "6665, which gateway-api")],
)
def test_a_start_at_ports_that_browsers_block_says_so(
    tmp_path_factory: pytest.TempPathFactory, base: int, named: str
) -> None:
    plan = Plan(tmp_path_factory.getbasetemp(), base)
    with pytest.raises(Trouble, match=f"call no server at port {named} would have: choose others with --port-base"):
        ports.refuse_blocked(plan.web_ports())


@pytest.mark.parametrize("base", [None, 20_000, 6_000 - 6])  # only Kafka at 6000, which no browser calls
def test_others_are_not_refused(tmp_path_factory: pytest.TempPathFactory, base: int | None) -> None:
    ports.refuse_blocked(Plan(tmp_path_factory.getbasetemp(), base).web_ports())
