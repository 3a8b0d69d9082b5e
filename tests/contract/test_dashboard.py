"""The Grafana dashboard asks for nothing that the services do not tell, and names no datasource of anybody's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from contracts.lifecycle import LIFECYCLE
from lienthong.embedded.plan import ROLES, Plan
from shared.observability import metrics
from tests.contract.test_openapi import DOCUMENTS
from tests.support import yaml_files
from tools.docs.generate import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SCRAPED = {"job", "instance"}  # labels that Prometheus itself gives
SERVICES = {"portal", "gateway", "identity", "payment"}
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
LABEL_LIST = re.compile(r"\b(?:by|without) ?\(([\w, ]*)\)")
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

# What Grafana 10 and newer need of a dashboard; the model has no published JSON Schema of its own.
_POSITION = {
    "type": "object",
    "required": ["h", "w", "x", "y"],
    "properties": {
        "w": {"type": "integer", "minimum": 1, "maximum": 24},
        "h": {"type": "integer", "minimum": 1},
        "x": {"type": "integer", "minimum": 0, "maximum": 23},
        "y": {"type": "integer", "minimum": 0},
    },
}
_TARGET = {
    "type": "object",
    "required": ["refId", "expr", "datasource"],
    "properties": {
        "refId": {"type": "string", "pattern": "^[A-Z]$"},
        "expr": {"type": "string", "minLength": 1},
        "datasource": {"const": SOURCE},
    },
}
_PANEL = {
    "type": "object",
    "required": ["id", "type", "title", "gridPos"],
    "properties": {
        "id": {"type": "integer"},
        "type": {"enum": ["row", "stat", "timeseries"]},
        "title": {"type": "string", "minLength": 1},
        "gridPos": _POSITION,
        "datasource": {"const": SOURCE},
        "targets": {"type": "array", "minItems": 1, "items": _TARGET},
    },
    "if": {"properties": {"type": {"not": {"const": "row"}}}},
    "then": {"required": ["description", "datasource", "targets", "fieldConfig", "options"]},
}
SCHEMA = {
    "type": "object",
    "required": ["title", "uid", "schemaVersion", "panels", "templating", "time", "refresh"],
    "properties": {
        "schemaVersion": {"type": "integer", "minimum": 38},
        "panels": {"type": "array", "items": _PANEL},
        "id": False,  # given by the Grafana that takes it in
    },
}


def expressions() -> Iterator[tuple[str, str]]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def series_of(expression: str) -> set[str]:
    """What an expression names beside labels, ranges, numbers and functions."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", LABEL_LIST.sub("", expression))
    return set(re.findall(r"\b[a-z_]\w*\b(?! *\()", bare))


def labels_of(expression: str) -> set[str]:
    """The labels that it compares or groups by."""
    grouped = (label.strip() for labels in LABEL_LIST.findall(expression) for label in labels.split(","))
    return {label for label, _, _ in MATCHER.findall(expression)}.union(grouped)


def known_labels(expression: str) -> set[str]:
    """Those that the series of an expression have."""
    return SCRAPED.union(*(EXPORTED.get(series, ()) for series in series_of(expression)))


def is_exported(expression: str) -> bool:
    series = series_of(expression)
    return bool(series) and series <= set(EXPORTED) and labels_of(expression) <= known_labels(expression)


def exported() -> dict[str, set[str]]:
    """Every series that a process tells at /metrics, with its labels."""
    series: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            labels, (family, *_) = set(metric._labelnames), metric.describe()
            ends = {"counter": ("_total",), "gauge": ("",)}.get(family.type, ("_bucket", "_sum", "_count"))
            series |= {family.name + end: labels | ({"le"} if end == "_bucket" else set()) for end in ends}
    for family in REGISTRY.collect():  # of the process and of Python, by the library itself
        if not family.name.startswith("lienthong_"):
            for sample in family.samples:
                series.setdefault(sample.name, set()).update(sample.labels)
    return series


EXPORTED = exported()
each_expression = pytest.mark.parametrize(("panel", "expression"), list(expressions()))


def test_grafana_can_take_it_in() -> None:
    jsonschema.validate(DASHBOARD, SCHEMA)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in PANELS:
        refs = [target["refId"] for target in panel["targets"]]
        assert refs == sorted(set(refs)), panel["title"]


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_it_has_its_four_sections_and_asks_which_datasource() -> None:
    assert [p["title"] for p in DASHBOARD["panels"] if p["type"] == "row"] == [
        "Journeys",
        "Lanes",
        "Trouble",
        "Machine",
    ]
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")


@each_expression
def test_every_series_and_label_of_a_query_is_exported(panel: str, expression: str) -> None:
    assert is_exported(expression), panel


@pytest.mark.parametrize(
    "wrong",
    [
        "sum(lienthong_gap_total)",
        "sum by (sauce) (lienthong_lag_events)",
        'lienthong_lag_events{topik="dossier.to-portal.v1"}',
        "60 * sum(rate(lienthong_gap_total[$__rate_interval]))",
        "1 + 2",
    ],
)
def test_a_name_that_is_not_exported_is_noticed(wrong: str) -> None:
    assert not is_exported(wrong)


@each_expression
def test_every_value_that_a_query_compares_with_can_occur(panel: str, expression: str) -> None:
    possible = {
        "state": {state.slug for state in LIFECYCLE.states},
        "service": SERVICES,
        "route": {path for document in DOCUMENTS.values() for path in document["paths"]},
    }
    for label, operator, text in MATCHER.findall(expression):
        pattern = text if "~" in operator else re.escape(text)
        assert label not in possible or any(re.fullmatch(pattern, value) for value in possible[label]), panel
        if label == "state" and "|" in text:
            assert set(text.split("|")) == {state.slug for state in LIFECYCLE.final_states}, "all ends, nothing else"


def test_what_the_database_tells_is_not_added_up_over_processes() -> None:
    from shared.observability.gauges import COUNTED

    shared_by_processes = {metric.describe()[0].name for metric in (*COUNTED, metrics.TABLE_BYTES)}
    for panel, expression in expressions():
        if series_of(expression) & shared_by_processes:
            assert re.search(r"\bmax( by \([a-z, ]+\))? ?\(lienthong_", expression), panel


def test_every_legend_names_labels_that_are_there() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert named <= known_labels(target["expr"]), panel["title"]


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    """So that nobody looks for it in vain; a new one gets its place."""
    asked = set[str]().union(*(series_of(expression) for _, expression in expressions()))
    ours = {name for name in EXPORTED if name.startswith("lienthong_")}
    assert {name for name in ours if not name.endswith(("_sum", "_count"))} <= asked


def test_prometheus_is_told_where_the_six_processes_are() -> None:
    (job,) = yaml_files.read(FOLDER / "prometheus.yaml")["scrape_configs"]
    targets = [target for group in job["static_configs"] for target in group["targets"]]
    usual = Plan(Path("/nowhere"))
    assert sorted(targets) == sorted(f"127.0.0.1:{usual.port(role.name)}" for role in ROLES)


def test_grafana_is_told_where_the_dashboard_is() -> None:
    (provider,) = yaml_files.read(FOLDER / "provisioning.yaml")["providers"]
    assert provider["type"] == "file" and provider["options"]["path"]
