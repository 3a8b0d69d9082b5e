"""The Helm chart, unrendered: it names the processes, variables, secrets and versions that there are. Rendered: tests/chart."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import lienthong
from lienthong.embedded.plan import ROLES, Plan, Role
from shared.messaging.lanes import LANES
from tests.support import yaml_files

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "lienthong"
PAGE = (ROOT / "docs" / "helm.md").read_text(encoding="utf-8")


PROCESSES: dict[str, dict[str, Any]] = yaml_files.read(CHART / "processes.yaml")
COMPOSE: dict[str, dict[str, Any]] = yaml_files.read(ROOT / "docker-compose.yml")["services"]
VALUES: dict[str, Any] = yaml_files.read(CHART / "values.yaml")
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))


def test_the_chart_has_every_role_and_no_other() -> None:
    assert PROCESSES.keys() == {role.name for role in ROLES} == VALUES["replicas"].keys()
    assert PROCESSES.keys() == COMPOSE.keys() - {"secrets", "kafka", "postgres"}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_process_is_that_of_compose_and_of_the_embedded_stack(role: Role) -> None:
    process, composed = PROCESSES[role.name], COMPOSE[role.name]
    assert ["python", "-m", process["module"]] == composed["command"]
    assert process["module"] == role.target.partition(":")[0]
    assert composed["environment"]["LISTEN"] == f"0.0.0.0:{process['port']}"
    assert process["port"] == Plan(Path("/nowhere")).port(role.name)
    assert (process["url"], process["api"]) == (role.url_variable, role.api)
    assert process["prefix"] == role.database.upper()
    assert process["secrets"] == [f"{role.database.upper()}_DATABASE_URL", *role.secrets]
    assert process["service"] in VALUES["secrets"]


def test_every_variable_of_a_template_is_one_that_a_process_reads() -> None:
    example = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    settings = (CHART / "templates" / "configmap.yaml").read_text(encoding="utf-8")
    own = (CHART / "templates" / "processes.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"^  ([A-Z_]+):", settings, re.MULTILINE)) | set(re.findall(r"- name: ([A-Z_]+)\b", own))
    assert len(named) > 15 and named - {"POD_IP"} <= example
    addresses = {f"{role.url_variable}" for role in ROLES}
    assert addresses | {name.replace("_URL", "_INTERNAL_URL") for name in addresses if "WORKER" not in name} <= named


def test_the_versions_are_those_of_the_package() -> None:
    chart = yaml_files.read(CHART / "Chart.yaml")
    assert chart["version"] == chart["appVersion"] == lienthong.__version__


def test_the_schema_has_every_value_and_no_other() -> None:
    def same(values: dict[str, Any], schema: dict[str, Any]) -> None:
        assert schema["additionalProperties"] is False
        assert values.keys() == schema["properties"].keys() - {"global"}
        for name, value in values.items():
            if "properties" in schema["properties"][name]:
                same(value, schema["properties"][name])

    same(VALUES, SCHEMA)
    assert SCHEMA["definitions"]["workers"]["maximum"] == LANES


def test_the_page_makes_every_secret_that_a_process_reads() -> None:
    secrets = r"^kubectl create secret generic lienthong-(\w+) [^\n]*<<END\n(.*?)^END$"
    made = dict(re.findall(secrets, PAGE, re.MULTILINE | re.DOTALL))
    assert made.keys() == VALUES["secrets"].keys()
    for service, lines in made.items():
        needed = {key for each in PROCESSES.values() if each["service"] == service for key in each["secrets"]}
        assert set(re.findall(r"^([A-Z_]+)=", lines, re.MULTILINE)) == needed
