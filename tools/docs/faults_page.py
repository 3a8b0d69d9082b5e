"""The sections of docs/faults.md, from what `GET /_lab/faults` answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from lienthong.cli.fault import Fault, command, how_to_match, settings
from tools.docs.printed import table

TITLES = {
    "http": "Between a client and any public endpoint",
    "identity": "Signing in, and tokens",
    "payment": "Money",
    "officers": "Officials of simulated provinces",
    "connectors": "Connectors",
    "adapter": "The adapter API",
}


def parts(faults: Sequence[Fault]) -> dict[str, Iterable[str]]:
    """A section for each family, with one for each of its faults."""
    families = dict.fromkeys(fault["family"] for fault in faults)
    lines = [line for family in families for line in _family(family, faults)]
    return {"contracts/faults/": lines[:-1]}


def _family(family: str, faults: Sequence[Fault]) -> list[str]:
    own = [fault for fault in faults if fault["family"] == family]
    rows = ((f"[{each['name']}](#{each['name']})", each["title_en"], each["title_vi"]) for each in own)
    lines = [f"## {TITLES.get(family, family)}", "", *table(("name", "what goes wrong", "Vietnamese"), rows), ""]
    for fault in own:
        lines += _section(fault)
    return lines


def _section(fault: Fault) -> list[str]:
    steady = [] if not fault["steady"] else ["- **How often**: it is a state and lasts as long as the rule is on."]
    return [
        f"### {fault['name']}",
        "",
        f"{fault['title_en']}. *{fault['title_vi']}.*",
        "",
        f"- **Shows**: {fault['shows']}",
        f"- **Released**: {fault['released']}",
        f"- **Teaches**: {fault['teaches']}",
        f"- **Match**: {how_to_match(fault)}",
        *(f"- **With** {line}" for line in settings(fault)),
        *steady,
        "",
        f"```bash\n{command(fault['example'])}\n```",
        f"```json\n{json.dumps(fault['example'], ensure_ascii=False)}\n```",
        "",
    ]
