"""What stands beside a failure never hides it, and never keeps anybody waiting."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lienthong import client, pytest_report, sync
from lienthong.background import Background


@pytest.fixture
def sandbox() -> Iterator[sync.Sandbox]:
    background = Background()
    yield sync.Sandbox(background, client.Country("http://127.0.0.1:1").enter("s1"))
    background.close()


def test_a_country_that_does_not_answer_is_not_waited_for(
    sandbox: sync.Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def silent(self: client.Sandbox) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(client.Sandbox, "show", silent)
    monkeypatch.setattr(pytest_report, "PATIENCE_SECONDS", 0.01)
    assert pytest_report.of(sandbox, tmp_path / "run.json").startswith("The report is incomplete: TimeoutError")


def test_whatever_goes_wrong_is_told_in_a_line(
    sandbox: sync.Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def odd(self: client.Sandbox) -> Any:
        return {}

    monkeypatch.setattr(client.Sandbox, "show", odd)
    assert pytest_report.of(sandbox, tmp_path / "run.json") == "The report is incomplete: KeyError: 'rate'\n"
