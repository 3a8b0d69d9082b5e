"""Files that a province pushes by their addresses: the papers of a new dossier, and a result. Each is fetched and checked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from contracts import file_types, lifecycle
from contracts.file_types import PDF, Kind
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
PAPERS, PAPER_ADDRESS = "TaiLieuNop", "DuongDanTaiTepTin"
MOST_PAPERS = 10  # of one dossier, whose files are fetched
NONE = ("", b"")
DECIDED = (lifecycle.RESULT_READY.code, lifecycle.RESULT_RETURNED.code)
DOSSIER_SQL = "SELECT body FROM dossiers WHERE sandbox = $1 AND code = $2 AND province <> ''"


class Fetched(NamedTuple):
    """A file that is stored; `kind`: its type, by its content."""

    sha256: str
    kind: Kind
    content: bytes


async def papers_of(
    gateway: Gateway, connector: Connector, code: str, dossier: Mapping[str, Any], pointer: str, until: float
) -> tuple[dict[int, Fetched], list[Finding]]:
    """The stored files of the papers of a new dossier, by the number of the paper, and why others could not be had.

    Only of a new one: addresses change at every push of the same file (integration.md 12.1).
    """
    addresses = _addresses(dossier, pointer, PAPERS, PAPER_ADDRESS)[:MOST_PAPERS]
    if not addresses or await gateway.database.fetch(DOSSIER_SQL, connector.sandbox_id, code):
        return {}, []
    files = await asyncio.gather(*(_file(gateway, connector, where, url, until) for _, where, url in addresses))
    by_number = {n: file for (n, _, _), file in zip(addresses, files, strict=True) if isinstance(file, Fetched)}
    return by_number, [file for file in files if isinstance(file, Finding)]


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

    Only while there is no result yet.
    """
    addresses = _addresses(dossier, pointer, RESULTS, ADDRESS)
    if number(dossier.get("TrangThaiHoSo")) not in DECIDED or not addresses:
        return NONE, []
    if not await _wants_result(gateway, connector, code, is_update):
        return NONE, []
    _, where, url = addresses[0]
    file = await _file(gateway, connector, where, url, until, only=PDF)
    return (NONE, [file]) if isinstance(file, Finding) else ((file.sha256, file.content), [])


def _addresses(dossier: Mapping[str, Any], pointer: str, rows: str, member: str) -> list[tuple[int, str, str]]:
    """Number of the row, pointer to its address, and the address, of all rows that have one."""
    sent = dossier.get(rows)
    return [
        (n, f"{pointer}/{rows}/{n}/{member}", text(row.get(member), 2000))
        for n, row in enumerate(sent if isinstance(sent, list) else [])
        if isinstance(row, dict) and text(row.get(member))
    ]


async def _file(
    gateway: Gateway, connector: Connector, where: str, url: str, until: float, *, only: Kind | None = None
) -> Fetched | Finding:
    """The file at an address, stored, or why it cannot be had.

    until  when the whole push must have its files, as the event loop counts
    """
    seconds = until - asyncio.get_running_loop().time()
    if fault := address_fault(url) or ("" if seconds > 0 else f"all files of one push within {SECONDS:g} s"):
        return rules.NO_FILE.at(where, url, expected=fault)
    try:
        content, _ = await fetch(
            gateway.allowed_hosts, url, where, most=MOST_BYTES, ours=gateway.own_ports, seconds=seconds
        )
        kind = await asyncio.to_thread(file_types.kind_of, content)
    except BodyDoesNotFit as refusal:
        return rules.NO_FILE.at(where, url, expected=str(refusal.errors[0]["detail"]))
    except Refusal as refusal:  # the address may not be called, or the file is no file that is taken
        return rules.NO_FILE.at(where, url, expected=refusal.detail)
    if only not in (None, kind):
        return rules.NO_FILE.at(where, url, expected=f"a PDF, not {kind.media_type}")
    async with in_sandbox(gateway, connector.sandbox_id) as (connection, sandbox):
        return Fetched(await gateway.files.put(connection, sandbox, content, kind.media_type), kind, content)


async def _wants_result(gateway: Gateway, connector: Connector, code: str, is_update: bool) -> bool:
    """Whether the dossier is new, or can be updated and has no result yet."""
    rows = await gateway.database.fetch(DOSSIER_SQL, connector.sandbox_id, code)
    if not rows:
        return True
    dossier = gateway.documents.decode(rows[0]["body"])
    return is_update and dossier.province == connector.province and dossier.state in lifecycle.UNDECIDED
