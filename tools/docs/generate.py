"""Writes everything that is computed from the contracts; `--check` only compares.

    python -m tools.docs.generate [--check]

With --check nothing is written; exit status 1 and the names of the files that differ.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from fastapi import FastAPI

from contracts import scenario
from contracts.faults import CATALOGUE
from contracts.lifecycle import LIFECYCLE
from services.identity_mock import app as identity_mock
from services.payment_mock import app as payment_mock
from services.portal import app as portal
from services.portal.lab.faults import FaultView
from services.province_gateway import app as province_gateway
from tools.docs import asyncapi, causes_page, event_models, faults_page, metrics_page
from tools.docs.catalogue_page import catalogue_page
from tools.docs.lifecycle_page import markdown

HOUSE = Path(__file__).resolve().parents[2]
CREATE_APP: dict[str, Callable[[], FastAPI]] = {
    "portal": portal.create_app,
    "province_gateway": province_gateway.create_app,
    "identity_mock": identity_mock.create_app,
    "payment_mock": payment_mock.create_app,
}
SERVICES = tuple(CREATE_APP)


def lifecycle_page() -> str:
    """docs/lifecycle.md."""
    return (
        "# The life of a dossier\n\n"
        "Printed from `contracts/lifecycle.py` by `make contracts`; edit the table, not this page.\n\n"
        "**How far to trust it.** Codes and names of the states were found in sources. The moves between them are our\n"
        "proposal (unverified). The cited articles of Decree 61/2018/NĐ-CP were read; that Decree 118/2025/NĐ-CP\n"
        "keeps them in substance is unverified.\n\n" + markdown(LIFECYCLE)
    )


def glossary_page() -> str:
    """docs/glossary.md: the domain's words, then our own."""
    lines = [
        "# Glossary",
        "",
        "Printed from `contracts/data/glossary.csv` and `our_terms.csv` by `make contracts`. One idea, one word, in",
        "code, topic, table and address. Legal sources of the moves: [lifecycle.md](lifecycle.md).",
    ]
    for title, name in (("Words of the domain", "glossary.csv"), ("Words of this project", "our_terms.csv")):
        lines += ["", f"## {title}", "", "| Vietnamese | English | identifier | meaning |", "|---|---|---|---|"]
        with (HOUSE / "contracts/data" / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                cells = (row["term_vi"], row["term_en"], f"`{row['slug']}`", row["definition"])
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _faults_page() -> str:
    """docs/faults.md, from what the portal's endpoint lists."""
    views = [FaultView.of(fault).model_dump(mode="json", by_alias=True) for fault in CATALOGUE]
    return faults_page.page(views)


def openapi(service: str) -> str:
    """The OpenAPI document of one service, as its own application describes it with every setting at its default."""
    with patch.dict(os.environ, {"PAYMENT_PARTNER_SECRET": "needed to start, shown in no document"}, clear=True):
        return _yaml(CREATE_APP[service]().openapi())


def outputs() -> dict[str, Callable[[], str]]:
    """Every computed file by its path under the house, and how to compute it."""
    return {
        "contracts/models.py": event_models.models,
        "contracts/asyncapi.yaml": lambda: _yaml(asyncapi.document()),
        "docs/lifecycle.md": lifecycle_page,
        "docs/glossary.md": glossary_page,
        "docs/catalogue.md": catalogue_page,
        "docs/faults.md": _faults_page,
        "lienthong/scenarios/scenario.schema.json": lambda: (
            json.dumps(scenario.schema(), ensure_ascii=False, indent=1) + "\n"
        ),
        "docs/observability.md": lambda: metrics_page.page(on_disk("docs/observability.md") or ""),
        "docs/waiting.md": lambda: causes_page.page(on_disk("docs/waiting.md") or ""),
        **{f"contracts/openapi/{name}.yaml": partial(openapi, name) for name in CREATE_APP},
    }


def drifting() -> dict[str, str]:
    """The computed files that are missing or differ, with what the contracts say they should hold."""
    computed = ((name, compute()) for name, compute in outputs().items())
    return {name: text for name, text in computed if on_disk(name) != text}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.docs.generate", description="Write the computed contracts.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 naming the files that differ")
    check = parser.parse_args().check
    differing = drifting()
    for name, text in differing.items():
        if check:
            print(f"{name} differs from the contracts; run `make contracts` and review the change.")
        else:
            path = HOUSE / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"{name} written.")
    return 1 if check and differing else 0


def on_disk(name: str) -> str | None:
    """What a computed file holds now; None if there is none."""
    path = HOUSE / name
    return path.read_text(encoding="utf-8") if path.exists() else None


def _yaml(document: Mapping[str, Any]) -> str:
    # safe_dump writes anchors for shared objects; a JSON round trip leaves a plain tree
    return yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    sys.exit(main())
