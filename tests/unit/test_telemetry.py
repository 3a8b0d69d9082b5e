"""Trace context: who stands below whom, and that a journey keeps one trace; and the list of metrics."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from shared.observability import trace_context
from shared.observability.trace_context import (
    begin_request,
    begin_step,
    begin_trace,
    child_of,
    join,
    joined,
    response_traceparent,
    traceparent,
)
from tools.docs import metrics_page
from tools.docs.printed import END, filled

PAGE = Path(__file__).parents[2] / "docs" / "observability.md"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HOME = "00-11111111111111111111111111111111-2222222222222222-01"
FORM = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def trace_of(text: str) -> str:
    return text[3:35]


def test_a_callers_trace_goes_on_in_a_span_of_our_own() -> None:
    own = begin_trace(CALLER)
    assert FORM.fullmatch(own) and trace_of(own) == trace_of(CALLER) and own[36:52] != CALLER[36:52]
    assert traceparent() == own and trace_context.trace_id() == trace_of(own)


@pytest.mark.parametrize("flags", ["00", "01"])
def test_whether_it_is_sampled_is_for_the_caller_to_say(flags: str) -> None:
    assert begin_trace(CALLER[:-2] + flags)[-2:] == flags


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "",
        "nonsense",
        CALLER[:-1],
        CALLER + "0",
        CALLER.upper(),
        "01" + CALLER[2:],  # a version that we do not know
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        CALLER[:-2] + "٠١",  # digits, but not ASCII
    ],
)
def test_what_is_no_trace_context_begins_a_new_trace(broken: str | None) -> None:
    own = begin_trace(broken)
    assert trace_context.valid(own) and trace_of(own) != trace_of(CALLER) and own.endswith("-01")


def test_ids_do_not_repeat() -> None:
    drawn = Counter(id for _ in range(2000) for id in (begin_trace(None)[3:35], child_of(CALLER)[36:52]))
    assert max(drawn.values()) == 1


@pytest.mark.parametrize(
    ("cause", "home", "parent"),
    [
        (child_of(HOME), HOME, "cause"),  # the event that led to it is of the journey
        (CALLER, HOME, "home"),  # it is of another trace
        ("", HOME, "home"),  # a timer, or a source that carries none
        (HOME[:-1] + "x", HOME, "home"),  # the right trace, in a broken text
        (CALLER, "", "cause"),  # something new, or kept before traces were
        ("", "", "nothing"),
        ("nonsense", "", "nothing"),
    ],
    ids=["its-own", "another", "a-timer", "broken", "something-new", "none", "nonsense"],
)
def test_a_step_stands_below_its_cause_if_that_is_of_the_journey_and_else_below_its_beginning(
    cause: str, home: str, parent: str
) -> None:
    below = begin_step(cause, home)
    assert below == {"cause": cause, "home": home, "nothing": ""}[parent]
    assert trace_context.valid(traceparent())
    if below:
        assert trace_of(traceparent()) == trace_of(below)


def test_a_request_without_a_trace_is_found_in_the_journey_it_joined() -> None:
    own = begin_request("")
    assert response_traceparent(own, "") == own and joined() is None
    join(HOME)
    assert trace_of(traceparent()) == trace_of(HOME)
    assert joined() == (HOME, traceparent()) and response_traceparent(own, "") == traceparent()


def test_a_request_with_a_trace_of_its_own_is_found_there_and_what_it_does_in_the_journey() -> None:
    own = begin_request(CALLER)
    join(HOME)
    assert trace_of(traceparent()) == trace_of(HOME)
    assert response_traceparent(own, CALLER) == own


def test_who_is_in_the_journey_already_joins_nothing() -> None:
    own = begin_request(child_of(HOME))
    join(HOME)
    assert joined() is None and traceparent() == own
    join("")
    assert joined() is None and traceparent() == own


async def test_requests_beside_each_other_do_not_see_each_others_journeys() -> None:
    together = asyncio.Barrier(3)

    async def request(home: str) -> tuple[str, str] | None:
        begin_request("")
        await together.wait()
        join(home)
        await together.wait()
        return joined()

    first, second, third = await asyncio.gather(request(HOME), request(CALLER), request(""))
    assert first and second and (first[0], second[0], third) == (HOME, CALLER, None)


def test_after_steps_of_other_journeys_one_can_go_back() -> None:
    begin_trace(CALLER)
    before = trace_context.current()
    begin_step("", HOME)
    trace_context.resume(before)
    assert traceparent() == before


def test_metrics_are_named_by_the_rules_and_none_has_a_label_of_free_text() -> None:
    for metric in metrics_page.listed():
        (family, *_) = metric.describe()
        assert re.fullmatch(r"lienthong_[a-z_]+", family.name)
        assert len(family.documentation) > 10 and not family.documentation.endswith(".")
        assert not {"sandbox", "dossier", "code", "path", "subject", "id"} & set(metric._labelnames), family.name
        if family.name.endswith("_seconds"):
            assert "in seconds" in family.documentation
        if family.name.endswith("_bytes"):
            assert "Bytes" in family.documentation


def test_the_page_shows_the_list_as_it_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert filled(text, metrics_page.parts()) == text, "run `make contracts`"
    assert all(f"| `{metric.describe()[0].name}" in text for metric in metrics_page.listed())


@pytest.mark.parametrize("page", ["# Another page", "<!-- printed from a -->\n<!-- printed from b -->\n" + END])
def test_a_page_without_a_place_for_the_table_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="printed from"):
        filled(page, {"a": ["| table |"]})
