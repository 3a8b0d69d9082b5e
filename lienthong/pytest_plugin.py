"""The country in pytest: a running stack, and for every test a fresh frozen sandbox. docs/testing.md tells how to use it.

Fixtures come in two faces: `lienthong` and `sandbox` are awaited, in whatever loop; `lienthong_sync` and `sandbox_sync`
are the same country and the same sandbox for tests without a loop. Nothing heavy is imported before one is asked for.
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

MARKER = (
    "lienthong(seed, start, rate, name, time_to_live, people, organisations, modes, faults, scenario): "
    "what this test's sandbox shall be like, as `lienthong.client.Wish`; scenario: what has happened in it, a name or a file"
)
WITH_A_SCENARIO = ("scenario", "seed", "name", "time_to_live")  # it says all the rest itself
LIVES = "1h"  # of a test's sandbox, should nobody delete it
LONGEST_NAME = 100  # characters, of a sandbox
RUN_KEY = pytest.StashKey["Run"]()
SANDBOX_KEY = pytest.StashKey["sync.Sandbox"]()
FAILED_KEY = pytest.StashKey[bool]()
LOGS_KEY = pytest.StashKey[list[Path]]()


# -- the run and its stack


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist which run it belongs to."""
    run = run_of(node.config)
    node.workerinput["lienthong_run"] = (str(run.folder), run.pid)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if RUN_KEY in config.stash and not hasattr(config, "workerinput"):
        config.stash[LOGS_KEY] = run_of(config).end(keep_logs=exitstatus not in (0, 5))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for logs in config.stash.get(LOGS_KEY, []):
        terminalreporter.write_line(
            f"lienthong: until the next run the logs of this one's {logs.parent.name} are in {logs}"
        )


def run_of(config: pytest.Config) -> Run:
    """What this run and its workers share."""
    from lienthong.embedded.run import Run

    if RUN_KEY not in config.stash:
        told = getattr(config, "workerinput", {}).get("lienthong_run")
        config.stash[RUN_KEY] = Run(Path(told[0]), told[1]) if told else Run.begin()
    return config.stash[RUN_KEY]


def _started(config: pytest.Config) -> str:
    """Address of the run's own country. Fails the test with a sentence if it cannot be started."""
    from lienthong.embedded import Trouble

    def say(sentence: str) -> None:
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            print(f"\nlienthong: {sentence}", file=sys.stderr, flush=True)

    with _refused_by(Trouble, "The country could not be started."):
        return run_of(config).stack("country", say=say).urls["portal-api"]


# -- fixtures


@pytest.fixture(scope="session")
def lienthong_sync(request: pytest.FixtureRequest) -> Iterator[sync.Country]:
    """A running country, every call waiting for its answer: that of LIENTHONG_URL, else one started for this run."""
    from lienthong import sync
    from lienthong.client import http

    with ExitStack() as until_the_end:
        address = os.environ.get("LIENTHONG_URL") or _started(request.config)
        with _refused_by(http.NotRunning, f"There is no country at {address}."):
            country = until_the_end.enter_context(sync.Country(address))
        yield country


@pytest.fixture(scope="session")
def lienthong(lienthong_sync: sync.Country) -> client.Country:
    """A running country, to be awaited in any loop; `url` and `doors` say where everything is."""
    return lienthong_sync.there


@pytest.fixture
def sandbox_sync(lienthong_sync: sync.Country, request: pytest.FixtureRequest) -> Iterator[sync.Sandbox]:
    """A fresh sandbox of this test, frozen unless its marker says otherwise; every call waits for its answer.

    Deleted after the test, unless it failed.
    """
    from lienthong.client import http
    from lienthong.scenarios.files import ScenarioFault

    wish = _wish(request.node)
    with _refused_by((http.Problem, http.NotRunning, ScenarioFault), "There is no sandbox for this test."):
        sandbox = lienthong_sync.stage(**wish) if "scenario" in wish else lienthong_sync.new_sandbox(**wish)
    request.node.stash[SANDBOX_KEY], request.node.stash[FAILED_KEY] = sandbox, False
    yield sandbox
    if not request.node.stash[FAILED_KEY]:
        try:
            lienthong_sync.delete_sandbox(sandbox.id)
        except http.Problem as problem:
            if problem.status != 404:  # a test may have deleted its own
                raise


@pytest.fixture
def sandbox(sandbox_sync: sync.Sandbox) -> client.Sandbox:
    """A fresh sandbox of this test, frozen unless its marker says otherwise; to be awaited in any loop."""
    return sandbox_sync.there


@contextmanager
def _refused_by(errors: type[Exception] | tuple[type[Exception], ...], sentence: str) -> Iterator[None]:
    """Fail the test with a sentence and what the error says, without anybody's traceback."""
    said = None
    try:
        yield
    except errors as error:
        said = f"{sentence} {error}"
    if said is not None:
        pytest.fail(said, pytrace=False)


def _wish(node: pytest.Item) -> dict[str, Any]:
    """The same for the same test at every run; what markers say goes first, the nearest before all. A scenario has a seed."""
    from lienthong.client.types import Wish

    said: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("lienthong"))):
        if marker.args:
            pytest.fail(_takes((*Wish.__annotations__, "scenario"), map(repr, marker.args)), pytrace=False)
        said |= marker.kwargs
    known = WITH_A_SCENARIO if "scenario" in said else (*Wish.__annotations__, "scenario")
    if unknown := sorted(set(said) - set(known)):
        pytest.fail(_takes(known, unknown), pytrace=False)
    wish = {"name": node.nodeid[-LONGEST_NAME:], "time_to_live": LIVES}
    if "scenario" not in said:
        return {"seed": hashlib.sha256(node.nodeid.encode()).hexdigest()[:16], **wish, **said}
    beside = node.path.parent / said["scenario"]  # a file lies beside its test, if it is not named in full
    return {**wish, **said, "scenario": beside if beside.is_file() else said["scenario"]}


def _takes(known: Sequence[str], unknown: Iterable[str]) -> str:
    return f"pytest.mark.lienthong takes {', '.join(known)} by name; not {', '.join(unknown)}."


# -- a failing test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside the failure: what its sandbox can tell."""
    report = yield
    sandbox = item.stash.get(SANDBOX_KEY, None)
    if report.failed and sandbox is not None and report.when != "teardown":
        from lienthong import pytest_report

        item.stash[FAILED_KEY] = True
        told = pytest_report.of(sandbox, _replay_file(item))
        report.sections.append((f"lienthong sandbox {sandbox.id}", told))
    return report


def _replay_file(item: pytest.Item) -> Path:
    """In pytest's cache, named after the test; the next failure of the same test takes its place."""
    name = re.sub(r"[^\w.-]+", "-", item.nodeid).strip("-")
    cache = item.config.getini("cache_dir") if item.config.pluginmanager.hasplugin("cacheprovider") else ".pytest_cache"
    return item.config.rootpath / cache / "lienthong" / f"{name[-LONGEST_NAME:]}.json"
