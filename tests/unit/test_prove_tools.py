"""The tools of the proof: the proxy, the ledger that can forget, the pairs of faults, and the report with a picture."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tools.prove import page
from tools.prove.evidence import Finding
from tools.prove.faults import AND, COMBINATIONS, FAULTS, Injected, every, parts_of
from tools.prove.history import Sample
from tools.prove.ledger import Ledger, Submission
from tools.prove.proxy import Proxy, ports_of
from tools.prove.report import again
from tools.prove.run import Order, Report, in_order


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """In front of a server that sends back what it receives."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(100):
            writer.write(piece)
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        with Proxy(server.sockets[0].getsockname()[1]) as proxy:
            yield proxy


async def said_back(proxy: Proxy, word: bytes = b"hello", seconds: float = 30.0) -> bytes:
    """What comes back over a new connection in time; empty if it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(word)
        async with asyncio.timeout(seconds):
            return await reader.read(len(word))
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_a_proxy_passes_on_and_cuts(proxy: Proxy) -> None:
    assert await said_back(proxy) == b"hello"
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"x")
    assert await reader.read(1) == b"x"
    assert await asyncio.to_thread(proxy.cut) >= 1
    assert await reader.read(1) == b""
    writer.close()


async def test_a_mute_proxy_keeps_connections_and_lets_nothing_through(proxy: Proxy) -> None:
    proxy.go_mute()
    with pytest.raises(TimeoutError):
        await said_back(proxy, seconds=0.5)
    await asyncio.to_thread(proxy.speak_again)
    assert await said_back(proxy) == b"hello"


async def test_a_proxy_shuts_out_one_process(proxy: Proxy) -> None:
    proxy.shut_out = os.getpid()
    assert await said_back(proxy) == b"" and proxy.refused == 1
    proxy.shut_out = os.getppid()
    assert await said_back(proxy) == b"hello"


def test_a_process_that_does_not_exist_has_no_ports() -> None:
    assert ports_of(2**22 + 1) == set()


async def test_a_restored_backup_undoes_what_was_acknowledged_after_it() -> None:
    ledger = Ledger()
    kept, later = Submission("s", "lan", "a", "37", ["H1"]), Submission("s", "lan", "b", "37")
    ledger.submissions = {"a": kept, "b": later}
    ledger.payments[("s", "H1")] = ["P1"]
    async with ledger.held():
        entries = ledger.entries()
    later.codes.append("H2")
    ledger.payments[("s", "H1")] = ["P1", "P2"]
    ledger.ended.add(("s", "H1"))
    async with ledger.held():
        assert ledger.undo(entries) == 1
    assert ledger.dossiers.keys() == {("s", "H1")} and ledger.undone == {("s", "H2")}
    assert ledger.payments == {("s", "H1"): ["P1"]} and not ledger.ended


async def test_nothing_is_under_way_while_the_load_is_held() -> None:
    ledger, begun = Ledger(), asyncio.Event()

    async def ask() -> None:
        async with ledger.request():
            begun.set()

    async with ledger.held():
        asking = asyncio.create_task(ask())
        await asyncio.wait([asking], timeout=0.05)
        assert not begun.is_set()
    await asking
    assert begun.is_set() and ledger.acknowledged == 1


def test_a_seed_draws_its_pairs_and_only_of_faults_that_combine() -> None:
    names, left_out = every(random.Random("7/pairs"))
    pairs = [name for name in names if AND in name]
    assert (names, left_out) == every(random.Random("7/pairs"))
    assert len(pairs) == COMBINATIONS and all(FAULTS[part].combines for name in pairs for part in parts_of(name))
    parts = [part for name in names for part in parts_of(name)]
    assert len({*parts, *left_out}) >= 25 and len(parts) == len(set(parts)), "each fault once, alone or in a pair"


def test_what_deletes_comes_early() -> None:
    names = list(every(random.Random("7/pairs"))[0])
    for seed in range(20):
        first = list(in_order(random.Random(seed), names, lambda: True))
        assert sorted(first) == sorted(names)
        assert all(first.index(name) <= len(names) // 3 + 1 for name in ("delete-database", "jump-a-year"))


OF_AN_OUTER_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # it would print the folder that it enters


def words_of(shell: str, tmp_path: Path) -> list[str]:
    """What a command of a report passes to the tool behind `make`."""
    (tmp_path / "Makefile").write_text(
        "prove quarter:\n\t@python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' $(ARGS)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name not in OF_AN_OUTER_MAKE}
    done = subprocess.run(shell, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    return [str(word) for word in json.loads(done.stdout)]


@pytest.mark.parametrize("seed", ["1", "a b", "it's", 'a "b" $HOME $(x) `y` \\ !1 #'])
def test_a_command_that_runs_it_again_has_every_option_whatever_the_seed(seed: str, tmp_path: Path) -> None:
    report = Report(Order(seed, 0.1, ("receiver-away",), tmp_path, 1, away=300.0), mark="abc")
    words = [
        "--seed",
        f"{seed}@abc",
        "--minutes",
        "0.1",
        "--away",
        "300",
        "--faults",
        "receiver-away",
        "--pushed",
        "240",
    ]
    assert words_of(again(report), tmp_path) == words
    if seed == "1":
        assert again(report) == f'make prove ARGS="{" ".join(words)}"'


def test_the_picture_has_every_fault_and_promise_and_shows_markup_as_text(tmp_path: Path) -> None:
    order = Order("7", 1.0, ("kill-broker", "poison"), tmp_path, 0, left_out={"full-disk-of-broker": "only root"})
    samples = [Sample(0.0, 0, 0, 0), Sample(1.0, 9, 0, None), Sample(2.0, 20, 3, 40)]
    injected = [
        Injected("kill-broker", 0.5, "pid 1 died", 0.4, seconds=0.6),
        Injected("poison", 1.5, "", None, "<b>late</b>"),
    ]
    report = Report(order, injected, [Finding("all is well", 3, ["a <script> in a name"])], samples=samples, mark="m")
    page.write(report, file := tmp_path / "prove.html")
    text = file.read_text(encoding="utf-8")
    assert "NOT proven with seed 7@m" in text and "&lt;script&gt;" in text and "&lt;b&gt;late" in text
    assert text.count('class="fault"') == 2 and text.count("<polyline") >= 4 and "only root" in text
