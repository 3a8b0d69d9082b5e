"""The programs that are measured beside ours: what is pinned, what the table shows, and what the page says of each."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from lienthong.embedded.run import Run
from tools.bench import machine
from tools.fetched import NotFetched
from tools.peers import page, run
from tools.peers.catalogue import PEERS, PROGRAMS, Peer
from tools.peers.http import Connection, get, post_form
from tools.peers.run import Figures, Result

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
each_peer = pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)


@each_peer
def test_a_program_is_pinned_in_a_folder_of_its_own(peer: Peer) -> None:
    assert re.fullmatch(r"\d+(\.\d+)+", peer.version)


def test_every_folder_is_a_program() -> None:
    assert {folder.name for folder in PROGRAMS.iterdir()} == {peer.folder.name for peer in PEERS}


@pytest.mark.parametrize("lock", sorted(PROGRAMS.glob("*/requirements.txt")), ids=lambda lock: lock.parent.name)
def test_every_python_package_is_pinned_with_its_hashes(lock: Path) -> None:
    packages = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip())
    assert packages
    assert [each for each in packages if not re.match(r"[\w.-]+==\S+ \\\n    --hash=sha256:", each)] == []


def test_the_page_measures_and_describes_the_programs_of_the_tool() -> None:
    text = PAGE.read_text(encoding="utf-8")
    _, _, after = text.partition(page.BEGIN)
    measured, _, described = after.partition(page.END)
    headings = next(line for line in measured.splitlines() if line.startswith("|")).strip("| ").split(" | ")
    assert [name.split()[0] for name in headings] == [run.OURS, *(peer.name for peer in PEERS)]
    assert [f"{peer.name} {peer.version}" for peer in PEERS] == headings[1:]
    listed = re.findall(r"^- \*\*([\w-]+)\*\*[^:]*\n  - does not", described, re.MULTILINE)
    assert listed == [peer.name for peer in PEERS]


def test_a_cell_has_a_unit_and_what_a_program_does_not_offer_is_a_dash() -> None:
    figures: Figures = {"start_s": 0.5, "creates_what": "customer", "creates_once": False, "creates_kept": True}
    cells = {row[0]: row[1] for row in page.cells([Result("one", "1.0", figures)])}
    assert cells["start-up until the first good answer"] == "0.50 s"
    assert cells["… of what"] == "customer"
    assert cells["… the same request again makes no second one"] == "no"
    assert cells["… it is there after a restart"] == "yes"
    assert cells["dossiers, while workers send them on"] == page.NOTHING


def test_the_page_is_written_between_its_marks(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    file.write_text(f"Before.\n{page.BEGIN}\nold\n{page.END}\nAfter.\n")
    results = [Result("one", "1.0", {"start_s": 1.5}), Result("two", "2.0", reason="there is no network")]
    page.write(file, results, {"machine": "invented"}, 0.9)
    text = file.read_text()
    assert text.startswith("Before.\n") and text.endswith("\nAfter.\n") and "old" not in text
    assert "|  | one 1.0 | two 2.0 |" in text
    assert "two could not be measured: there is no network" in text and "- machine: invented" in text
    assert "90% of the cores were busy" in text and machine.warning(0.05) == ""


def test_a_program_that_cannot_be_fetched_has_a_reason() -> None:
    def make() -> run.Program:
        raise NotFetched("The packages could not be fetched:\n  no route to host")

    result = run._measured(Result("one", "1.0"), make, run.QUICK, lambda what: None)
    assert result.reason == "The packages could not be fetched: no route to host" and result.figures == {}


def test_a_fetched_folder_is_kept_for_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (peer,) = [peer for peer in PEERS if peer.name == "stripe-mock"]
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "go").write_text('#!/bin/sh\n[ "$1" = build ] && echo "$4" >> "$3"\n')
    (programs / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    begun = Run.begin()
    built = [peer.fetch(begun, peer.folder) / "program" for _ in range(2)]
    assert built[0] == built[1] and built[0].read_text() == "github.com/stripe/stripe-mock\n"


async def test_the_client_reads_every_kind_of_answer_and_opens_a_closed_connection_again() -> None:
    answers = {
        b"/length": b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
        b"/chunks": b'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n',
        b"/last": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    }
    opened: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(b"")
        while target := (await reader.readline()).split(b" ")[1:2]:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(re.findall(rb"content-length: (\d+)", head)[0])
            opened[-1] += await reader.readexactly(length)
            writer.write(answers[target[0]])
            if target == [b"/last"]:
                break
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        connection = Connection(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        moved = await connection.send(get("/length"))
        made = await connection.send(post_form("/chunks", {"who": "Lan"}))
        last = await connection.send(get("/last"))
        again = await connection.send(get("/length"))
        connection.close()
    assert (moved.status, moved.headers["location"], moved.ok) == (302, "/there", False)
    assert made.ok and made.json() == {"a": 1}
    assert json.loads(last.body) == {} and again.status == 302
    assert opened == [b"who=Lan", b""]
