"""What a fault rule of the adapter API makes of an answer."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from fastapi import Response

from contracts.faults import adapter
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.legacy import answers
from services.province_gateway.runtime import Gateway
from shared.runtime import EVERYTHING, in_sandbox
from shared.sandbox import faults
from shared.sandbox.faults import Rule
from shared.web.cut_response import CutResponse

JSON, HTML = "application/json", "text/html"
BOM = b"\xef\xbb\xbf"


async def fired(gateway: Gateway, connector: Connector, service: str) -> Rule | None:
    """The rule that fires for this call."""
    if not gateway.watches(connector.sandbox_id, adapter.ANSWER):
        return None
    async with in_sandbox(gateway, connector.sandbox_id) as (connection, sandbox):
        about = {"province": connector.province, "asked": service}
        firing = await faults.fire(connection, sandbox, adapter.ANSWER, EVERYTHING, **about)
    return firing.rule if firing else None


def instead(rule: Rule) -> dict[str, Any]:
    """The answer in place of the service, of a rule under which that does nothing."""
    if rule.fault == adapter.EXPIRED:
        return answers.refusal(answers.NO_SESSION)
    if rule.fault == adapter.LOGIN:
        return answers.refusal(answers.NO_LOGIN)
    return answers.refusal(f"Hồ sơ {answers.USUAL.exists}", answers.KNOWN_ALREADY)


async def response(rule: Rule | None, answer: dict[str, Any]) -> Response:
    """The answer as this rule has it sent."""
    name = rule.fault if rule else ""
    if name == adapter.UNAUTHORIZED:
        return Response(status_code=401)
    if name == adapter.BROKEN:
        return Response("<html><body><h1>500 Internal Server Error</h1></body></html>", 500, media_type=HTML)
    if rule and name == adapter.SLOW:
        await asyncio.sleep(rule.seconds("by"))
    if rule and name == adapter.CODE:
        answer = _with(answer, "error_code", adapter.CODES[rule.settings["as"]])
    if rule and name == adapter.RESULT and "result" in answer:
        answer = _with(answer, "result", adapter.RESULTS[rule.settings["as"]])
    if name == adapter.WORDLESS:
        answer = {**answer, "message": ""}
    body = msgspec.json.encode(answer)
    if name == adapter.PRETTY:
        return Response(msgspec.json.format(body, indent=4), media_type=HTML)
    kind = CutResponse if name == adapter.CUT else Response
    return kind(BOM + body if name == adapter.BOM else body, media_type=JSON)


def _with(answer: dict[str, Any], member: str, value: Any) -> dict[str, Any]:
    """`value` in place of a member; an Ellipsis leaves it out."""
    kept = {name: each for name, each in answer.items() if name != member}
    return kept if value is ... else {**kept, member: value}
