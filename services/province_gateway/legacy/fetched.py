"""The file of a result, fetched from the address that a province pushes with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from contracts import file_types, lifecycle
from contracts.file_types import PDF
from contracts.gate import Finding
from contracts.legacy import rules
from contracts.legacy.values import number, text
from contracts.modes import address_fault
from services.province_gateway.doors.connectors import Connector
from services.province_gateway.doors.fetching import fetch
from services.province_gateway.runtime import Gateway
from shared.errors import BodyDoesNotFit, Refusal
from shared.runtime import in_sandbox

SECONDS = 3.0  # for the whole file; the fastest client waits 6 s for its answer (integration.md 1.1)
MOST_BYTES = 10 << 20
RESULTS, ADDRESS = "DanhSachGiayToKetQua", "DuongDanTepTinKetQua"
NONE = ("", b"")
DECIDED = (lifecycle.RESULT_READY.code, lifecycle.RESULT_RETURNED.code)
DOSSIER_SQL = "SELECT body FROM dossiers WHERE sandbox = $1 AND code = $2 AND province <> ''"


async def result_of(
    gateway: Gateway,
    connector: Connector,
    code: str,
    dossier: Mapping[str, Any],
    pointer: str,
    until: float,
    *,
    is_update: bool,
) -> tuple[tuple[str, bytes], list[Finding]]:
    """The stored file of the first result that has an address, with its SHA-256, and why it could not be had; else NONE.

    until  when the whole push must have its files, as the event loop counts

    Only while there is no result yet: addresses change at every push of the same file (integration.md 12.1).
    """
    if number(dossier.get("TrangThaiHoSo")) not in DECIDED:
        return NONE, []
    rows = dossier.get(RESULTS)
    addresses = [
        (f"{pointer}/{RESULTS}/{n}/{ADDRESS}", text(row.get(ADDRESS), 2000))
        for n, row in enumerate(rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and text(row.get(ADDRESS))
    ]
    if not addresses or not await _wants_result(gateway, connector, code, is_update):
        return NONE, []
    where, url = addresses[0]
    seconds = until - asyncio.get_running_loop().time()
    if fault := address_fault(url) or ("" if seconds > 0 else f"all files of one push within {SECONDS:g} s"):
        return NONE, [rules.NO_FILE.at(where, url, expected=fault)]
    try:
        content, _ = await fetch(
            gateway.allowed_hosts, url, where, most=MOST_BYTES, ours=gateway.own_ports, seconds=seconds
        )
        kind = await asyncio.to_thread(file_types.kind_of, content)
    except BodyDoesNotFit as refusal:
        return NONE, [rules.NO_FILE.at(where, url, expected=str(refusal.errors[0]["detail"]))]
    except Refusal as refusal:  # the address may not be called, or the file is no file that is taken
        return NONE, [rules.NO_FILE.at(where, url, expected=refusal.detail)]
    if kind != PDF:
        return NONE, [rules.NO_FILE.at(where, url, expected=f"a PDF, not {kind.media_type}")]
    async with in_sandbox(gateway, connector.sandbox_id) as (connection, sandbox):
        return (await gateway.files.put(connection, sandbox, content, kind.media_type), content), []


async def _wants_result(gateway: Gateway, connector: Connector, code: str, is_update: bool) -> bool:
    """Whether the dossier is new, or can be updated and has no result yet."""
    rows = await gateway.database.fetch(DOSSIER_SQL, connector.sandbox_id, code)
    if not rows:
        return True
    dossier = gateway.documents.decode(rows[0]["body"])
    return is_update and dossier.province == connector.province and dossier.state in lifecycle.UNDECIDED
