"""The page about faults, from what the door tells of them: docs/faults.md, and one named fault for the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lienthong.cli.fault import Fault, command, how_to_match, settings

TITLES = {
    "http": "Between a client and any public door",
    "identity": "Signing in, and tokens",
    "payment": "Money",
    "officers": "Officials of simulated provinces",
}

TOP = """\
# Faults

Printed by `make contracts`; edit `contracts/faults/`, not this page.

A fault is switched on as a **rule** of one sandbox: *what* goes wrong, *where* (`match`), *how* (`with`), *how often*, and from
when until when. Only the edges of the country know of rules: public doors, tokens, payments, messages, officials. Nothing
that decides does, so whatever our guarantees protect is late, but never lost: once a rule is off, all that it held arrives.

```bash
lienthong fault list                                     # all of them; --family http
lienthong fault on confirmation-late --with by=1d --match province=37 --sandbox ID
lienthong fault show --sandbox ID                        # what is on, how often it was looked at and how often it bit
lienthong fault off confirmation-late --sandbox ID       # or --all
lienthong sandbox create --fault confirmation-late       # on from the start
```

The same over HTTP, at the portal: `GET /_lab/faults`, and `GET`, `POST`, `DELETE /_lab/sandboxes/{id}/faults`.

```json
{"fault": "confirmation-late", "match": {"province": "37"}, "with": {"by": "1d"}, "until": "2026-12-01T08:00:00+07:00"}
```

| word | what it says |
|---|---|
| `id` | names the rule in its sandbox; the fault's own name if left out. A rule of the same id is replaced and counts anew |
| `match` | what must be so, all of it; `*` and `?` as in file names; left out: always |
| `with` | what the fault may be told; what is left out is at its default |
| `nth` | it bites every nth time that it looks at something |
| `times` | it bites the first so many times, then no more |
| `probability` | it bites by lot, drawn from the sandbox's seed: the same calls are hit in every run |
| `from`, `until` | instants of the sandbox's clock; `until` is the first at which it bites no more |

- Without `nth`, `times` and `probability` a rule bites every time; at most one of them can be said. Each service counts by itself.
- Two rules that would look at the same thing contradict each other (409), unless they match different things or different times.
- A new sandbox may begin with rules: `faults` in its body, a wish of the pytest plugin ([testing.md](testing.md)), or of a
  scenario. There, too, none may contradict another or take its place (422, with a pointer).
- Test doors (`/_lab`), health and metrics are never hit, so a fault can always be switched off. Calls between our own
  services are: what they do then is what yours should do.
- Each firing is a line of kind `fault` in the timeline, beside its effect: of the dossier, of the person who signs in, or of
  `*` for a request that concerns no dossier (`lienthong timeline '*'`).
- Where a service runs as several processes, the one that is told knows at once, the others within five seconds.
- A request belongs to the sandbox that its key, header, address, query or token names; else to `default`.
- What a rule holds is named by `lienthong settle` (`held-by-fault`), and `lienthong clock advance` passes it by.
"""


def page(faults: Sequence[Fault]) -> str:
    """The whole page."""
    families = list(dict.fromkeys(fault["family"] for fault in faults))
    return "\n".join([TOP, *(part for family in families for part in _family(family, faults))]).rstrip() + "\n"


def _family(family: str, faults: Sequence[Fault]) -> list[str]:
    own = [fault for fault in faults if fault["family"] == family]
    table = ["", "| name | what goes wrong | Vietnamese |", "|---|---|---|"]
    table += [f"| [{each['name']}](#{each['name']}) | {each['title_en']} | {each['title_vi']} |" for each in own]
    return [f"## {TITLES.get(family, family)}", *table, "", *(line for fault in own for line in _section(fault))]


def _section(fault: Fault) -> list[str]:
    steady = [] if not fault["steady"] else ["- **How often**: it is a state, and holds as long as it is on."]
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
