"""`lienthong republish` at a terminal: what is sent to the services, and what the user reads."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from lienthong.cli import republish
from lienthong.cli.main import command_line
from lienthong.embedded import Trouble


class FakeSandbox:
    def __init__(self) -> None:
        self.sent: list[Any] = []

    def enter(self, sandbox: str) -> FakeSandbox:
        return self

    async def republish(self, service: str, **only: Any) -> list[dict[str, Any]]:
        self.sent.append((service, only))
        if only["dossier"] == "unknown":
            return []
        return [{"topic": "t.v1", "lane": 7, "epoch": 1, "number": 3, "events": 12}]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> FakeSandbox:
    sandbox = FakeSandbox()

    def ask(url: str, requests: Any, as_it_is: bool = False) -> Any:
        try:
            requests(sandbox).send(None)
        except StopIteration as end:
            return end.value

    monkeypatch.setattr(republish, "ask", ask)
    return sandbox


def test_both_services_publish_again_unless_one_is_named(sandbox: FakeSandbox) -> None:
    nothing = {"lane": None, "dossier": None, "since": None}
    done = CliRunner().invoke(command_line("republish"), ["republish"])
    assert done.output == "portal   t.v1 lane 7: 12 events\ngateway  t.v1 lane 7: 12 events\n"
    assert sandbox.sent == [("portal", nothing), ("gateway", nothing)]


def test_a_dossier_without_events_is_named(sandbox: FakeSandbox) -> None:
    done = CliRunner().invoke(command_line("republish"), ["republish", "portal", "--dossier", "unknown"])
    assert done.exit_code == 1 and isinstance(done.exception, Trouble)
    assert str(done.exception).startswith("No event of unknown was published in the sandbox")


@pytest.mark.parametrize(
    "words", [["payment"], ["--lane", "34"], ["--lane", "x"], ["--lane", "7", "--dossier", "X"]], ids=str
)
def test_what_does_not_exist_is_refused_before_anything_is_sent(sandbox: FakeSandbox, words: list[str]) -> None:
    assert CliRunner().invoke(command_line("republish"), ["republish", *words]).exit_code == 2
    assert not sandbox.sent
