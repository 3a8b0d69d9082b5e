"""`lienthong status` of a country that is known by its address alone: a portal that names doors, and the doors themselves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lienthong.cli.main import command_line
from lienthong.embedded import Trouble, ports
from lienthong.embedded.plan import ROLES
from lienthong.embedded.stack import Stack


@contextmanager
def a_server(answers: dict[str, tuple[int, Any]]) -> Iterator[str]:
    """Address of one that answers each path with a status and a body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def country() -> Iterator[tuple[str, dict[str, str]]]:
    """A portal's address, and the doors that it names: all of them ready, in the beginning."""
    names = [role.url_variable.removesuffix("_URL").lower() for role in ROLES]
    doors: dict[str, str] = {}
    with a_server({"/_lab/doors": (200, doors), "/readyz": (200, {})}) as url:
        doors |= dict.fromkeys(names, url)
        yield url, doors


def status(*words: str | Path, **environment: str) -> tuple[int, str]:
    told = CliRunner().invoke(command_line(), ["status", *map(str, words)], env={"LIENTHONG_URL": None, **environment})
    return told.exit_code, told.stdout


def test_all_doors_of_a_country_elsewhere_are_asked(country: tuple[str, dict[str, str]]) -> None:
    url, _ = country
    code, told = status("--url", f"{url}/", "--json")
    rows = json.loads(told)["processes"]
    assert code == 0 and json.loads(told)["ready"]
    assert rows == [{"name": role.name, "door": url, "ready": True, "waiting_for": None} for role in ROLES]
    assert status(LIENTHONG_URL=url) == (0, "".join(f"{role.name:<15} {url:<30} ready\n" for role in ROLES))


def test_who_is_not_ready_says_for_what_it_waits(country: tuple[str, dict[str, str]]) -> None:
    url, doors = country
    with a_server({"/readyz": (503, {"detail": "Kafka does not answer."})}) as waiting:
        doors["portal_worker"], doors["payment"] = waiting, f"http://127.0.0.1:{ports.free_base()}"
        code, told = status("--url", url)
    assert code == 1
    lines = {line.split()[0]: line.split(maxsplit=2)[2] for line in told.splitlines()}
    late = {"portal-worker": "Kafka does not answer.", "payment": "its port to open"}
    assert lines == {**{role.name: "ready" for role in ROLES}, **late}


def test_a_folder_that_is_named_goes_before_an_address_in_the_environment(
    country: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    code, told = status("--data", tmp_path, LIENTHONG_URL=country[0])
    assert code == 1 and told.startswith(f"Not running in {tmp_path}")


def test_a_start_that_fails_says_why_even_if_the_next_attempt_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "portal-worker.log"
    log.write_text(
        '{"error": "Topic has 3 partitions", "level": "critical"}\n{"event": "lanes_taken", "level": "info"}\n'
    )
    ending = {"name": "portal-worker", "ready": False, "restarts": 6, "last_exit": "exit status 1", "log": str(log)}
    stack = Stack(tmp_path, 19_000)
    monkeypatch.setattr(stack, "_status_or_trouble", lambda: {"processes": [ending]})
    with pytest.raises(Trouble, match=r"portal-worker keeps ending .exit status 1.: .*Topic has 3 partitions"):
        stack.wait_ready()
