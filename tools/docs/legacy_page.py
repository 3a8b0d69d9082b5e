"""The tables of docs/legacy.md: services, their fields with the mark that says how each is known, profiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from contracts.legacy import EVIDENCE
from contracts.legacy.profiles import PROFILES, Profile
from contracts.legacy.rules import ADAPTER_RULES
from contracts.legacy.schemas import schema, services
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
            schema(name)["x-endpoint"],
            schema(name)["x-source"],
        )
        for name in services()
    ]
    return table(("service", "tiếng Việt", "what it does", "clients call it at", "source"), rows)


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
    rows = [(f"`{name}`", each.name[1], each.mark, _settings(each), each.source) for name, each in PROFILES.items()]
    return table(("profile", "what it is like", "mark", "settings", "source"), rows)


def _settings(profile: Profile) -> str:
    usual = PROFILES["plain"]
    names = [name for name in profile.__struct_fields__ if name not in ("name", "mark", "source")]
    changed = [name for name in names if getattr(profile, name) != getattr(usual, name)]
    shown = (
        f"{name} {len(profile.omits)} fields" if name == "omits" else f"{name} {getattr(profile, name)!r}"
        for name in changed
    )
    return ", ".join(shown) or "as usual"
