"""Verdicts as text for people, JUnit XML for test reports, and SARIF 2.1.0 for code scanning."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from lienthong import __version__
from lienthong.shown import shown

Verdict = Mapping[str, Any]
Checked = Sequence[tuple[str, Sequence[Verdict]]]  # name of a file, a verdict for each of its messages
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def is_refused(verdict: Verdict) -> bool:
    return str(verdict["outcome"]) == "rejected"


def as_text(checked: Checked, lang: str) -> str:
    """What is wrong with each message, where, and how to mend it; one line for a message that is right."""
    return "\n".join(line for name, verdicts in checked for each in verdicts for line in _lines(name, each, lang))


def _lines(name: str, verdict: Verdict, lang: str) -> Iterator[str]:
    what = "  ".join(shown(str(verdict[key])) for key in ("type", "dossier") if verdict[key])
    became = f"  → {verdict['became']['state']}" if verdict["became"] else ""
    yield f"{shown(name)}:{verdict['line']}  {verdict['outcome']}  {what}{became}".rstrip()
    suffix = "_vi" if lang == "vi" else ""
    for error in verdict["errors"]:
        yield f"  {error['rule']}  {shown(error['pointer']) or '/'}  {error['title' + suffix]}"
        yield f"    expected  {shown(error['expected' + suffix])}"
        if error["got"] is not None:
            yield f"    got       {shown(error['got'])}"
        yield f"    source    {error['source']}"
        if error.get("patch"):
            yield f"    patch     {shown(json.dumps(error['patch'], ensure_ascii=False))}"
    if verdict.get("lawful_now"):
        yield f"  lawful now: {', '.join(verdict['lawful_now'])}"
    if verdict.get("example"):
        yield f"  would be accepted: {shown(json.dumps(verdict['example'], ensure_ascii=False))}"


def as_junit(checked: Checked) -> str:
    """One test suite for each file, one test case for each message, a failure with all errors of a refused one."""
    root = ElementTree.Element("testsuites", name="lienthong contract check")
    for name, verdicts in checked:
        refused = sum(map(is_refused, verdicts))
        suite = ElementTree.SubElement(root, "testsuite", name=shown(name))
        suite.attrib |= {"tests": str(len(verdicts)), "failures": str(refused), "errors": "0", "skipped": "0"}
        for verdict in verdicts:
            title = f"line {verdict['line']}: {verdict['type'] or 'no type'}"
            case = ElementTree.SubElement(suite, "testcase", name=shown(title), classname=shown(name), time="0")
            if is_refused(verdict):
                first = verdict["errors"][0]
                summary = shown(f"{first['rule']}: {first['title']}")
                failure = ElementTree.SubElement(case, "failure", message=summary, type=str(first["rule"]))
                failure.text = "\n".join(list(_lines(name, verdict, "en"))[1:])
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def as_sarif(checked: Checked) -> str:
    """One result for each error, at the line of its message; the pointer is its logical location."""
    rules: dict[str, dict[str, Any]] = {}
    results = []
    for name, verdicts in checked:
        for verdict in verdicts:
            for error in verdict["errors"]:
                rules.setdefault(error["rule"], _rule(error))
                results.append(_result(name, verdict, error, list(rules).index(error["rule"])))
    driver = {"name": "lienthong", "version": __version__, "rules": list(rules.values())}
    run = {"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


def _rule(error: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": error["rule"], "shortDescription": {"text": error["title"]}, "help": {"text": error["source"]}}


def _result(name: str, verdict: Verdict, error: Mapping[str, Any], index: int) -> dict[str, Any]:
    got = "" if error["got"] is None else f" Got: {error['got']}."
    place = {
        "physicalLocation": {"artifactLocation": {"uri": _uri(name)}, "region": {"startLine": verdict["line"]}},
        "logicalLocations": [{"fullyQualifiedName": error["pointer"] or "/"}],
    }
    return {
        "ruleId": error["rule"],
        "ruleIndex": index,
        "level": "error" if is_refused(verdict) else "warning",
        "message": {"text": f"{error['title']}. Expected: {error['expected']}.{got}"},
        "locations": [place],
    }


def _uri(name: str) -> str:
    from urllib.parse import quote

    return "stdin" if name == "-" else quote(name.replace("\\", "/"))
