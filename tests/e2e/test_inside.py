"""Seeing inside a running country: a trace per journey, metrics that the dashboard finds, logs, sizes; and the page of it all."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lienthong.client import Country
from lienthong.embedded import ports
from lienthong.embedded.plan import ROLES
from lienthong.embedded.stack import Stack
from lienthong.journeys.travel import REFUSED, RETURNED, THREE, WITHDRAWN, JourneyResult, travel
from tests.contract.test_dashboard import expressions, series_of
from tests.support.otlp import Receiver, Span, receiver

PAGE = Path(__file__).parents[2] / "docs" / "observability.md"
OF_A_JOURNEY = {"portal-api", "portal-worker", "gateway-api", "gateway-worker", "payment"}
MORNINGS = itertools.count(1)  # of June
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "100"}  # ms until spans are sent, instead of five seconds


@pytest.fixture(scope="module")
def seen() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture(scope="module")
def traced(seen: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A country that tells its spans."""
    data = tmp_path_factory.mktemp("inside") / "data"
    with Stack(data, ports.free_base(), extra_env={"OTEL_EXPORTER_OTLP_ENDPOINT": seen.url, **SOON}) as stack:
        yield stack


async def travelled(stack: Stack, index: int, **headers: str) -> JourneyResult:
    """One of the three journeys, on a day of its own, so that no two dossiers have one code."""
    start = f"2026-06-{next(MORNINGS):02}T08:00:00+07:00"
    async with Country(stack.urls["portal-api"]) as country, country.sandbox(seed="inside", start=start) as sandbox:
        country._http.headers.update(headers)
        reached = await travel(sandbox, THREE[index], lambda entry: None)
    assert reached.reached
    return reached


def of_dossier(spans: list[Span], code: str) -> list[Span]:
    return [span for span in spans if span.facts.get("lienthong.dossier") == code]


def applied(spans: list[Span], code: str) -> list[str]:
    return [span.facts["cloudevents.event_type"] for span in of_dossier(spans, code) if span.kind == "consumer"]


def fatherless(spans: list[Span], code: str) -> list[Span]:
    """Spans of its journey whose parent is not here: each process sends its own, when it has some together."""
    journey = {span.trace for span in of_dossier(spans, code) if span.name == "POST /api/v1/dossiers"}
    ids = {span.id for span in spans}
    return [span for span in spans if span.trace in journey and span.parent and span.parent not in ids]


LAST_EVENT = {RETURNED: "dossier.result_returned.v1", REFUSED: "dossier.refused.v1", WITHDRAWN: "payment.refunded.v1"}


@pytest.mark.parametrize("index", [0, 1, 2], ids=[journey.name for journey in THREE])
async def test_a_whole_journey_is_one_trace_and_the_trace_is_one_tree(
    traced: Stack, seen: Receiver, index: int
) -> None:
    reached = await travelled(traced, index)
    code, paid = reached.dossier["code"], reached.journey.ends != REFUSED
    last = LAST_EVENT[reached.journey.ends]
    spans = seen.wait_for(lambda found: last in applied(found, code) and not fatherless(found, code))
    whole = of_dossier(spans, code)
    (begin,) = [span for span in whole if span.name == "POST /api/v1/dossiers"]
    trace = [span for span in spans if span.trace == begin.trace]
    ids = {span.id for span in trace}

    assert {span.service for span in trace} >= (OF_A_JOURNEY if paid else OF_A_JOURNEY - {"payment"})
    assert [span for span in trace if not span.parent] == [begin], "the submission stands above everything"
    assert fatherless(spans, code) == []
    assert all(reaches(span, begin, {each.id: each for each in trace}) for span in trace)
    assert len(ids) == len(trace)

    elsewhere = {span.name for span in whole if span.trace != begin.trace}
    apart = {"GET /api/v1/dossiers/{code}", "POST /api/v1/payment-platform/confirm", "PUT /_lab/officers/{code}"}
    assert elsewhere <= apart, "reading joins nothing, nor does a script that comes before its dossier"
    timers = [span for span in trace if span.name.startswith("timer ")]
    assert timers and all(span.links for span in timers), "linked to whoever turned the clock"
    sent = {span.facts["messaging.message.id"] for span in trace if span.kind == "producer"}
    heard = {span.facts["messaging.message.id"] for span in trace if span.kind == "consumer"}
    assert sent == heard and len(sent) == len(set(applied(spans, code)))
    assert not any(span.failed for span in trace)
    if paid:
        paid_by = {"POST /init", "POST /s/{sandbox}/checkout/{transaction}/pay", "call confirm"}
        assert paid_by <= {span.name for span in trace if span.service == "payment"}
    if reached.journey.ends == WITHDRAWN:
        assert {"call refund", "POST /refund"} <= {span.name for span in trace}


def reaches(span: Span, top: Span, by_id: dict[str, Span]) -> bool:
    """Whether one comes from `span` up to `top`, never twice by the same."""
    passed = set()
    while span is not top and span.id not in passed:
        passed.add(span.id)
        span = by_id[span.parent]
    return span is top


async def test_a_callers_own_trace_holds_the_journey_that_it_begins(traced: Stack, seen: Receiver) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    reached = await travelled(traced, 1, traceparent=f"00-{trace}-{parent}-01")
    code = reached.dossier["code"]
    spans = seen.wait_for(lambda found: "dossier.refused.v1" in applied(found, code))
    assert {span.trace for span in of_dossier(spans, code)} == {trace}
    (begin,) = [span for span in of_dossier(spans, code) if span.name == "POST /api/v1/dossiers"]
    assert begin.parent == parent


async def test_logs_of_a_journey_carry_its_trace(traced: Stack, seen: Receiver) -> None:
    reached = await travelled(traced, 2)
    code = reached.dossier["code"]
    spans = seen.wait_for(lambda found: LAST_EVENT[WITHDRAWN] in applied(found, code))
    (begin,) = [span for span in of_dossier(spans, code) if span.name == "POST /api/v1/dossiers"]
    told = [json.loads(line) for line in lienthong("logs", "--dossier", code, "--json", stack=traced).splitlines()]
    assert {"portal-api", "payment"} <= {line["log"] for line in told}
    refund = [line for line in told if line.get("path") == "/refund"]
    assert [line["trace_id"] for line in refund] == [begin.trace], "which does not name the dossier"


async def test_every_query_of_the_dashboard_finds_its_metric_in_a_running_country(traced: Stack) -> None:
    await travelled(traced, 0)
    known = {role.name: metrics(traced.urls[role.name]) for role in ROLES}
    everywhere: dict[str, set[str]] = {}
    for text in known.values():
        for name, labels in re.findall(r"^([a-z_]+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
            everywhere.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
        everywhere |= {
            name: set() for name in re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE) if name not in everywhere
        }
    for panel, expression in expressions():
        for series in series_of(expression):
            assert series in everywhere, panel
    journeys = known["portal-worker"] + known["portal-api"]
    for state in ("submitted", "received", "result_returned"):
        assert f'lienthong_journeys_total{{channel="online",service="portal",state="{state}"}}' in journeys
    assert re.search(r'^lienthong_lag_events\{topic="dossier.to-portal.v1"\} \d', known["portal-worker"], re.MULTILINE)


def test_status_tells_the_sizes_of_the_default_sandbox_and_what_is_kept(traced: Stack) -> None:
    told = json.loads(lienthong("status", "--json", stack=traced))
    held: dict[str, Any] = told["sandbox"]["services"]
    assert told["sandbox"]["id"] == "default"
    assert set(held) == {role.name for role in ROLES if role.api}
    assert {"dossiers", "events", "journal", "files"} <= set(held["portal-api"])
    assert all(set(size) == {"rows", "bytes"} for tables in held.values() for size in tables.values())
    assert told["folders"]["postgres"] > 10_000_000 and told["folders"]["kafka"] > 0 and told["folders"]["log"] > 0
    assert {"what", "kept", "emptied_by"} == set(told["retention"][0])
    text = lienthong("status", stack=traced)
    assert "On disk: postgres" in text and "default sandbox" in text and "lienthong reset" in text


def test_the_page_is_true(seen: Receiver, tmp_path: Path) -> None:
    """Every command on docs/observability.md, as it is printed but for the ports; the backend that it speaks of is ours."""
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    base = ports.free_base()
    script = "set -eo pipefail\n" + "\n".join(blocks).replace("up --detach", f"up --detach --port-base {base}")
    script = script.replace("psql --host 127.0.0.1", f"psql --host 127.0.0.1 --port {base + 8}")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LIENTHONG_URL": f"http://127.0.0.1:{base}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": seen.url,
        **SOON,
    }
    before = len(seen.spans())
    try:
        done = subprocess.run(["bash"], input=script, env=environment, cwd=tmp_path, capture_output=True, text=True)
    finally:
        subprocess.run([*LIENTHONG, "down"], cwd=tmp_path, capture_output=True, check=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 3 dossiers ended in their expected state" in done.stdout and "Nothing is wrong." in done.stdout
    assert 'lienthong_journeys_total{channel="online",service="portal",state="submitted"} 3.0' in done.stdout
    assert "portal" in done.stdout and "'dossier.to-portal.v1', 'dossier.to-province.v1'" in done.stdout
    assert len(seen.spans()) > before + 50


LIENTHONG = [sys.executable, "-m", "lienthong.cli.main"]


def lienthong(*words: str, stack: Stack) -> str:
    command = [*LIENTHONG, *words, "--data", str(stack.plan.data)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def metrics(url: str) -> str:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        return str(answer.read().decode())
