"""Events that the portal cannot read, as a broken province would publish them: corrected and applied from a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contracts.schemas import schema
from lienthong.client import Country
from lienthong.embedded import ports
from lienthong.embedded.stack import Stack
from tests.support.command import command
from tools.prove.faults import poison

RECEIVED = "dossier.received.v1"
BROKEN = poison.Poison("an invalid reception for the portal", "province_gateway", "portal", RECEIVED, valid=False)
MANY = 3


async def test_receptions_that_the_portal_could_not_read_are_corrected_and_redriven(tmp_path: Path) -> None:
    start = "2026-06-09T08:00:00+07:00"
    with Stack(tmp_path / "data", ports.free_base(), durable=False) as stack:
        async with Country(stack.urls["portal-api"]) as country, country.sandbox(start=start) as sandbox:
            await sandbox.set_mode("37", "manual")
            lan = sandbox.citizen("lan")
            codes = [(await lan.submit("2.000635", province="37", commune="14464"))["code"] for _ in range(MANY)]
            assert (await sandbox.settle(timeout_seconds=60))["verdict"] == "still"
            for code in codes:
                await poison.write(stack.database_url("province_gateway"), BROKEN, (sandbox.id, code))
                await sandbox.settle(timeout_seconds=60)

            def done(*words: str, status: int = 0) -> Any:
                run = command("dead", *words, "--sandbox", sandbox.id, "--json", url=country.url)
                assert run.returncode == status, run.stderr
                return json.loads(run.stdout)

            letters = {letter["subject"]: str(letter["id"]) for letter in done("list")}
            assert sorted(letters) == codes
            assert {letter["outcome"] for letter in done("redrive", "--all", status=1)} == {"failed"}
            for code in codes[:-1]:
                body = tmp_path / f"{code}.json"
                body.write_text(json.dumps(schema(RECEIVED)["examples"][0] | {"province": "37"}), encoding="utf-8")
                words = ("edit", "portal", letters[code], "--file", str(body))
                refused = done(*words, status=1)
                assert [error["pointer"] for error in refused["errors"]] == ["/dossier_code"]
                edited = done(*words, "--set", f"dossier_code={code}", "--set", "officer=Nguyễn Thị Sửa")
                assert json.loads(edited["original"])["dossier_code"] == 7
                assert edited["edited_at"] == "2026-06-09T08:00:00.000+07:00"

            redriven = {letter["subject"]: letter["outcome"] for letter in done("redrive", "--all", status=1)}
            assert redriven == {codes[0]: "applied", codes[1]: "applied", codes[2]: "failed"}
            assert done("redrive", "portal", letters[codes[0]])["outcome"] == "gone"
            assert done("redrive", "--all", "--type", RECEIVED, "--dossier", codes[0]) == []
            states = [(await lan.dossier(code))["status"]["slug"] for code in codes]
            assert states == ["received", "received", "submitted"]
            timeline = await sandbox.timeline(codes[0])
            assert [line["data"]["letter"] for line in timeline if line["kind"] == "dead_letter_edited"] == [
                int(letters[codes[0]])
            ]
