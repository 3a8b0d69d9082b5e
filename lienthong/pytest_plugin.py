"""The pytest plugin: a running stack, and a new frozen sandbox for every test. See docs/testing.md.

Each fixture has two versions: `lienthong` and `sandbox` are async and work in any event loop of asyncio or trio;
`lienthong_sync` and `sandbox_sync` are the same country and sandbox for tests without a loop. Slow imports happen only
when a fixture is used.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lienthong import client, sync
    from lienthong.embedded.run import Run
    from lienthong.embedded.stack import Stack

MARKER = (
    "lienthong(seed, start, rate, name, time_to_live, people, organisations, modes, faults, scenario): "
    "settings of this test's sandbox, see `lienthong.client.Wish`; scenario: name or file of a scenario to start from"
)
WITH_A_SCENARIO = ("scenario", "seed", "name", "time_to_live")  # the scenario defines the rest
TIME_TO_LIVE = "1h"  # of a test's sandbox that is not deleted
LONGEST_NAME = 100  # characters of a sandbox's name
RUN_KEY = pytest.StashKey["Run"]()
SANDBOX_KEY = pytest.StashKey["sync.Sandbox"]()
FAILED_KEY = pytest.StashKey[bool]()
LOGS_KEY = pytest.StashKey[list[Path]]()


# -- the test run and its stack


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the run's folder and pid to a worker of pytest-xdist."""
    run = run_of(node.config)
    node.workerinput["lienthong_run"] = (str(run.folder), run.pid)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if RUN_KEY in config.stash and not hasattr(config, "workerinput"):
        config.stash[LOGS_KEY] = run_of(config).end(keep_logs=exitstatus not in (0, 5))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for logs in config.stash.get(LOGS_KEY, []):
        terminalreporter.write_line(f"lienthong: until the next run, the logs of {logs.parent.name} are in {logs}")


def run_of(config: pytest.Config) -> Run:
    """The run that this process and its xdist workers share."""
    from lienthong.embedded.run import Run

    if RUN_KEY not in config.stash:
        shared = getattr(config, "workerinput", {}).get("lienthong_run")
        config.stash[RUN_KEY] = Run(Path(shared[0]), shared[1]) if shared else Run.begin()
    return config.stash[RUN_KEY]


def _started(config: pytest.Config) -> Stack:
    """The stack of this run; starts it if needed. Fails the test if it cannot be started."""
    from lienthong.embedded import Trouble

    def notify(sentence: str) -> None:
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            print(f"\nlienthong: {sentence}", file=sys.stderr, flush=True)

    with _failing_on(Trouble, "The country could not be started."):
        return run_of(config).stack("country", notify=notify)


# -- fixtures


@pytest.fixture(scope="session")
def lienthong_sync(request: pytest.FixtureRequest) -> Iterator[sync.Country]:
    """A running country with blocking methods: that of LIENTHONG_URL, else one started for this test run."""
    from lienthong import sync
    from lienthong.client import http

    with ExitStack() as stack:
        address = os.environ.get("LIENTHONG_URL") or _started(request.config).urls["portal-api"]
        with _failing_on(http.NotRunning, f"There is no country at {address}."):
            country = stack.enter_context(sync.Country(address))
        yield country


@pytest.fixture(scope="session")
def lienthong(lienthong_sync: sync.Country) -> client.Country:
    """A running country with async methods, for any event loop of asyncio or trio; `url` and `doors` have all addresses."""
    return lienthong_sync.there


@pytest.fixture(scope="session")
def lienthong_kafka(lienthong_sync: sync.Country, request: pytest.FixtureRequest) -> dict[str, str]:
    """Address and login of the country's broker, in the names of librdkafka: `confluent_kafka.Consumer(lienthong_kafka | …)`.

    The login for the country of LIENTHONG_URL is read from `librdkafka.properties` in the folder LIENTHONG_ACCESS.
    """
    if not os.environ.get("LIENTHONG_URL"):
        return _started(request.config).kafka_client
    login: dict[str, str] = {}
    if folder := os.environ.get("LIENTHONG_ACCESS"):
        lines = Path(folder, "librdkafka.properties").read_text(encoding="utf-8").splitlines()
        login = dict(line.split("=", 1) for line in lines if line)
    return {**login, "bootstrap.servers": lienthong_sync.doors["kafka"]}


@pytest.fixture
def sandbox_sync(lienthong_sync: sync.Country, request: pytest.FixtureRequest) -> Iterator[sync.Sandbox]:
    """A new sandbox for this test with blocking methods; frozen unless the marker sets a rate.

    Deleted after the test, unless it failed.
    """
    from lienthong.client import http
    from lienthong.scenarios.files import ScenarioFault

    wish = _wish(request.node)
    with _failing_on((http.Problem, http.NotRunning, ScenarioFault), "There is no sandbox for this test."):
        sandbox = lienthong_sync.stage(**wish) if "scenario" in wish else lienthong_sync.new_sandbox(**wish)
    request.node.stash[SANDBOX_KEY], request.node.stash[FAILED_KEY] = sandbox, False
    yield sandbox
    if not request.node.stash[FAILED_KEY]:
        try:
            lienthong_sync.delete_sandbox(sandbox.id)
        except http.Problem as problem:
            if problem.status != 404:  # the test may have deleted it
                raise


@pytest.fixture
def sandbox(sandbox_sync: sync.Sandbox) -> client.Sandbox:
    """A new sandbox for this test with async methods, for any event loop; frozen unless the marker sets a rate."""
    return sandbox_sync.there


@contextmanager
def _failing_on(errors: type[Exception] | tuple[type[Exception], ...], sentence: str) -> Iterator[None]:
    """Fail the test with a sentence and the error's text, without a traceback."""
    reason = None
    try:
        yield
    except errors as error:
        reason = f"{sentence} {error}"
    if reason is not None:
        pytest.fail(reason, pytrace=False)


def _wish(node: pytest.Item) -> dict[str, Any]:
    """Settings of the test's sandbox: the markers', the nearest first; the default seed depends only on the test's name."""
    from lienthong.client.types import Wish

    arguments: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("lienthong"))):
        if marker.args:
            pytest.fail(_marker_error((*Wish.__annotations__, "scenario"), map(repr, marker.args)), pytrace=False)
        arguments |= marker.kwargs
    known = WITH_A_SCENARIO if "scenario" in arguments else (*Wish.__annotations__, "scenario")
    if unknown := sorted(set(arguments) - set(known)):
        pytest.fail(_marker_error(known, unknown), pytrace=False)
    wish = {"name": node.nodeid[-LONGEST_NAME:], "time_to_live": TIME_TO_LIVE}
    if "scenario" not in arguments:
        return {"seed": hashlib.sha256(node.nodeid.encode()).hexdigest()[:16], **wish, **arguments}
    file = node.path.parent / arguments["scenario"]  # a relative path starts at the folder of the test
    return {**wish, **arguments, "scenario": file if file.is_file() else arguments["scenario"]}


def _marker_error(known: Sequence[str], unknown: Iterable[str]) -> str:
    return f"pytest.mark.lienthong takes {', '.join(known)} by name; not {', '.join(unknown)}."


# -- a failing test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the report of the test's sandbox to a failure."""
    report = yield
    sandbox = item.stash.get(SANDBOX_KEY, None)
    if report.failed and sandbox is not None and report.when != "teardown":
        from lienthong import pytest_report

        item.stash[FAILED_KEY] = True
        text = pytest_report.of(sandbox, lambda: _replay_file(item))
        report.sections.append((f"lienthong sandbox {sandbox.id}", text))
    return report


def _replay_file(item: pytest.Item) -> Path | None:
    """File in pytest's cache, named after the test; the next failure of the same test overwrites it. None: no cache."""
    cache: pytest.Cache | None = getattr(item.config, "cache", None)  # absent with `-p no:cacheprovider`
    if cache is None:
        return None
    name = re.sub(r"[^\w.-]+", "-", item.nodeid).strip("-")
    return cache.mkdir("lienthong") / f"{name[-LONGEST_NAME:]}.json"
