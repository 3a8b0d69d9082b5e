"""What type checkers and editors see of the client: closed lists, and a real method for every method."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import get_args

import anyio
import pytest

from contracts.faults import FAULTS
from contracts.lifecycle import LIFECYCLE
from contracts.schemas import event_types
from lienthong import client, sync
from lienthong.client.arguments import code_first

CODE = "H42.14464-20260629-0000001"
SYNC = (sync.Country, sync.Sandbox, sync.Clock, sync.Citizen, sync.Province, sync.Faults, sync.Payments)
PROGRAM = Path(__file__).parents[1] / "wheel" / "typed_program.py"


def test_the_closed_lists_are_those_of_the_contracts() -> None:
    assert list(get_args(client.State)) == [state.slug for state in LIFECYCLE.states]
    assert set(get_args(client.Move)) == {move.does for move in LIFECYCLE.moves if move.who != "citizen"}
    assert set(get_args(client.Event)) == set(event_types())
    assert set(get_args(client.FaultName)) == set(FAULTS)


@pytest.mark.parametrize("kind", SYNC)
def test_every_blocking_method_is_a_real_one_with_a_docstring_and_a_whole_signature(kind: type) -> None:
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if name.startswith("_"):
            continue
        assert method.__name__ == name and inspect.getdoc(method), name
        parameters = inspect.signature(method).parameters.values()
        assert all(each.annotation is not inspect.Parameter.empty for each in parameters if each.name != "self"), name
        assert method.__module__.startswith(("lienthong.sync", "lienthong.background")), f"{name} is only an assignment"


def test_a_program_with_every_method_is_well_typed_and_wrong_words_are_found(tmp_path: Path) -> None:
    text = PROGRAM.read_text(encoding="utf-8")
    missing = [
        name
        for kind in SYNC
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if name[0] != "_" and name != "run" and not re.search(rf"\.{name}\(", text)
    ]
    assert missing == [], "the program calls every method"
    assert mypy(PROGRAM) == "Success: no issues found in 1 source file"
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from lienthong.sync import Sandbox\n\n\ndef wrong(sandbox: Sandbox, code: str) -> None:\n"
        '    sandbox.province("37").do(code, "recieve")\n'
        '    sandbox.wait_for("dossier.received.v1", code)\n'
        '    sandbox.faults.on("bank-dwon")\n'
        '    print(sandbox.citizen("lan").dossier(code)["status"]["slug"] == "recieved")\n',
        encoding="utf-8",
    )
    found = mypy(wrong)
    assert [f"wrong.py:{line}: error:" in found for line in (5, 6, 7, 8)] == [True] * 4, found


def mypy(file: Path) -> str:
    words = ("--strict", "--no-error-summary") if file.name == "wrong.py" else ("--strict",)
    command = [sys.executable, "-m", "mypy", "--config-file", "", "--follow-imports", "silent", *words, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROGRAM.parents[2])
    return (done.stdout + done.stderr).strip()


def test_the_code_comes_first_and_the_old_order_is_understood_and_warned() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert code_first(CODE, "dossier.received.v1", "wait_for(code, event)") == (CODE, "dossier.received.v1")
        assert code_first("H1", "a-newer-event.v9", "") == ("H1", "a-newer-event.v9"), "of a newer country"
    with pytest.warns(FutureWarning, match=r"^wait_for\(code, event\): the code of the dossier comes first, then"):
        assert code_first("dossier.received.v1", CODE, "wait_for(code, event)") == (CODE, "dossier.received.v1")
    for name in ("receive", "portal"):
        with pytest.warns(FutureWarning):
            assert code_first(name, CODE, "") == (CODE, name)


def test_a_value_of_a_newer_country_is_taken_at_run_time() -> None:
    sent = {}

    class Portal:
        url = "http://127.0.0.1"

        async def json(self, method: str, path: str, **options: object) -> object:
            sent.update(options)
            return {"verdict": "there"}

    async def wait() -> object:
        country = client.Country()
        country.portal = Portal()  # type: ignore[assignment]
        return await country.enter("default").wait_for(CODE, "dossier.archived.v1")  # type: ignore[arg-type]

    assert anyio.run(wait) == {"verdict": "there"}
    assert sent["json"] == {"event": "dossier.archived.v1", "dossier": CODE, "count": 1, "timeout_seconds": 10}
