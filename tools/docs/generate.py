"""Writes everything that is computed from the contracts; `--check` only compares.

    python -m tools.docs.generate [--check]

With --check nothing is written; exit status 1 and the names of the files that differ. A change of an event that breaks those
who write or read its released version is refused in both cases.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from fastapi import FastAPI

from contracts import lifecycle, scenario
from contracts.catalogue import PROVINCES
from contracts.diff import EVENTS, RELEASED, breaking, compare, schemas_at
from contracts.faults import CATALOGUE, FAMILIES
from contracts.legacy.profiles import PROFILES
from contracts.modes import CALLED_DOORS, DOORS, GATES, MODES, REST, TEMPOS
from contracts.texts import TEXTS
from services.identity_mock import app as identity_mock
from services.payment_mock import app as payment_mock
from services.portal import app as portal
from services.portal.lab.faults import FaultView
from services.province_gateway import app as province_gateway
from tools.docs import (
    asyncapi,
    catalogue_page,
    causes_page,
    events_page,
    faults_page,
    glossary_page,
    legacy_page,
    lifecycle_page,
    methods_page,
    metrics_page,
    pages_page,
    sync_methods,
)
from tools.docs.printed import filled
from tools.docs.python_types import client_types, event_models

REPOSITORY = Path(__file__).resolve().parents[2]
CREATE_APP: dict[str, Callable[[], FastAPI]] = {
    "portal": portal.create_app,
    "province_gateway": province_gateway.create_app,
    "identity_mock": identity_mock.create_app,
    "payment_mock": payment_mock.create_app,
}
SERVICES = tuple(CREATE_APP)


def _faults() -> dict[str, Iterable[str]]:
    """From what the portal's endpoint lists."""
    return faults_page.parts([FaultView.of(fault).model_dump(mode="json", by_alias=True) for fault in CATALOGUE])


@cache
def application(service: str) -> FastAPI:
    """A service with every setting at its default; it is not started."""
    secrets = dict.fromkeys(("PAYMENT_PARTNER_SECRET", "SERVICE_SECRET"), "needed to start, shown in no document")
    with patch.dict(os.environ, secrets, clear=True):
        return CREATE_APP[service]()


def applications() -> dict[str, FastAPI]:
    return {service: application(service) for service in SERVICES}


# What is printed into pages that people write.
PAGES: dict[str, Callable[[], Mapping[str, Iterable[str]]]] = {
    "docs/lifecycle.md": lifecycle_page.parts,
    "docs/events.md": events_page.parts,
    "docs/glossary.md": glossary_page.parts,
    "docs/catalogue.md": catalogue_page.parts,
    "docs/faults.md": _faults,
    "docs/legacy.md": legacy_page.parts,
    "docs/observability.md": metrics_page.parts,
    "docs/pages.md": lambda: pages_page.parts(applications()),
    "docs/waiting.md": causes_page.parts,
    "docs/testing.md": methods_page.parts,
}


@cache
def openapi(service: str) -> dict[str, Any]:
    """The OpenAPI document of one service, as its own application describes it."""
    return application(service).openapi()


def _filled(page: str) -> str:
    return filled(on_disk(page) or "", PAGES[page]())


def _openapi_yaml(service: str) -> str:
    return _yaml(openapi(service))


def _completions() -> str:
    """The words that a shell completes and helps name, each with what it is; `agencies`: with their provinces."""
    words = {
        "faults": {fault.name: fault.title_en for fault in CATALOGUE},
        "families": dict.fromkeys(FAMILIES, ""),
        "events": {name: event.text_en for name, event in lifecycle.EVENTS.items()},
        "states": {state.slug: state.name_en for state in lifecycle.LIFECYCLE.states},
        "provinces": {code: province.name_vi for code, province in PROVINCES.items()} | {REST: "all others"},
        "agencies": {province.agency_code: code for code, province in PROVINCES.items()},
        "modes": dict.fromkeys(MODES, ""),
        "tempos": dict.fromkeys(TEMPOS, ""),
        "doors": dict.fromkeys(DOORS, ""),
        "called_doors": dict.fromkeys(CALLED_DOORS, ""),
        "profiles": {name: profile.name[1] for name, profile in PROFILES.items()},
        "gates": dict.fromkeys(GATES, ""),
    }
    return json.dumps(words, ensure_ascii=False, indent=1) + "\n"


def _terminal_texts() -> str:
    """What the terminal says, from the catalogue of the pages; names of states by their number."""
    texts = {key: both for key, both in TEXTS.items() if key.split(".")[0] in ("lane", "timeline", "story")}
    texts |= {f"state.{state.code}": (state.name_vi, state.name_en) for state in lifecycle.LIFECYCLE.states}
    return json.dumps(texts, ensure_ascii=False, indent=1) + "\n"


def outputs() -> dict[str, Callable[[], str]]:
    """Every computed file by its path in the repository, and how to compute it."""
    return {
        "contracts/models.py": event_models,
        "contracts/asyncapi.yaml": lambda: _yaml(asyncapi.document()),
        "lienthong/scenarios/scenario.schema.json": lambda: (
            json.dumps(scenario.schema(), ensure_ascii=False, indent=1) + "\n"
        ),
        "lienthong/cli/words.json": _completions,
        "lienthong/texts.json": _terminal_texts,
        **{page: partial(_filled, page) for page in PAGES},
        **{f"contracts/openapi/{name}.yaml": partial(_openapi_yaml, name) for name in CREATE_APP},
        "lienthong/sync_methods.py": sync_methods.code,
        "lienthong/client/types.py": lambda: client_types(openapi("portal"), openapi("province_gateway")),
    }


def drifting() -> dict[str, str]:
    """The computed files that are missing or differ, with what the contracts say they should hold."""
    computed = ((name, compute()) for name, compute in outputs().items())
    return {name: text for name, text in computed if on_disk(name) != text}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.docs.generate", description="Write the computed contracts.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 naming the files that differ")
    check = parser.parse_args().check
    if broken := breaking(compare(schemas_at(RELEASED), schemas_at(EVENTS))):
        for change in broken:
            print(f"{change.type}{change.pointer}: {change.text}. This breaks {change.breaks}.")
        print("A change that breaks somebody is a new version of the event type: contracts/README.md says how.")
        return 1
    differing = drifting()
    for name, text in differing.items():
        if check:
            print(f"{name} differs from the contracts; run `make contracts` and review the change.")
        else:
            path = REPOSITORY / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"{name} written.")
    return 1 if check and differing else 0


def on_disk(name: str) -> str | None:
    """What a computed file holds now; None if there is none."""
    path = REPOSITORY / name
    return path.read_text(encoding="utf-8") if path.exists() else None


class _Dumper(yaml.SafeDumper):
    """Quotes every text of digits: to YAML 1.1, which it writes, 08 is a text; to YAML 1.2 it is the number 8."""


def _text_of_digits(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if text.isdigit() else None)


_Dumper.add_representer(str, _text_of_digits)


def _yaml(document: Mapping[str, Any]) -> str:
    # dumping writes anchors for shared objects; a JSON round trip leaves a plain tree
    plain = json.loads(json.dumps(document))
    return yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    sys.exit(main())
