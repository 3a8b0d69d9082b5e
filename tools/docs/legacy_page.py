"""The tables of docs/legacy.md: services, their fields with the mark that says how each is known, profiles."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from contracts.legacy import EVIDENCE, services
from contracts.legacy.profiles import OF_ANSWERS, OF_PUSHES, PLAIN, PROFILES, Profile
from contracts.legacy.rules import ADAPTER_RULES
from contracts.legacy.schemas import schema
from tools.docs.printed import table

DETAILED = ("DongBoHoSoMC", "CapNhatTienDoHoSoMC", "DongBoTrangThaiHoSo")  # pushes whose every field is listed


def parts() -> dict[str, Iterable[str]]:
    return {
        "contracts/legacy/services": [*_services(), "", *_marks()],
        "contracts/legacy/services, the fields of pushes": _fields(),
        "contracts/legacy/profiles.toml": _profiles(),
        "contracts/legacy/rules.py": _rules(),
    }


def _services() -> list[str]:
    rows = [
        (
            f"`{name}`",
            schema(name)["x-title-vi"],
            schema(name)["title"],
            _parameters(name),
            schema(name)["x-endpoint"],
            schema(name)["x-source"],
        )
        for name in services()
    ]
    return table(("service", "tiếng Việt", "what it does", "parameters", "clients call it at", "source"), rows)


def _parameters(service: str) -> str:
    """Those of a request: in bold what belongs to every call."""
    needed = schema(service).get("required", ())
    return ", ".join(f"**`{name}`**" if name in needed else f"`{name}`" for name in schema(service)["properties"])


def _marks() -> list[str]:
    return ["Marks: " + "; ".join(f"{mark} {text}" for mark, text in EVIDENCE.items()) + "."]


def _fields() -> list[str]:
    lines: list[str] = []
    for name in DETAILED:
        rows = [
            (f"`{pointer}`", part.get("x-evidence", ""), part.get("description", ""))
            for pointer, part in _parts(schema(name))
        ]
        lines += ["", f"### {name}", "", *table(("field", "mark", "meaning"), rows)]
    return lines[1:]


def _parts(part: Mapping[str, Any], pointer: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if pointer:
        yield pointer, part
    for name, inner in part.get("properties", {}).items():
        yield from _parts(inner, f"{pointer}/{name}")
    if "items" in part and part["items"].get("properties"):
        for name, inner in part["items"]["properties"].items():
            yield from _parts(inner, f"{pointer}/*/{name}")


def _rules() -> list[str]:
    rows = [
        (f"`{each.id}`", each.title, each.title_vi, each.text, "" if each.lenient else "no")
        for each in ADAPTER_RULES.values()
    ]
    return table(("rule", "what is wrong", "Vietnamese", "what is asked", "taken"), rows)


def _profiles() -> list[str]:
    rows = [
        (f"`{name}`", each.name[1], _settings(each, OF_ANSWERS), _settings(each, OF_PUSHES), each.mark, each.source)
        for name, each in PROFILES.items()
    ]
    return table(("profile", "what it is like", "how it is answered", "how it pushes", "mark", "source"), rows)


def _settings(profile: Profile, names: Iterable[str]) -> str:
    """The members that differ from the plain profile, as in JSON."""
    values = {name: getattr(profile, name) for name in names}
    changed = {name: value for name, value in values.items() if value != getattr(PROFILES[PLAIN], name)}
    return ", ".join(f"`{name}` {_value(value)}" for name, value in changed.items()) or "as usual"


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else json.dumps(value)
