"""Fixtures of every suite. The country itself comes from our own plugin: `lienthong`, `sandbox`."""

import random
import signal
from collections.abc import Iterator
from itertools import groupby

import pytest

from lienthong.pytest_plugin import run_of
from shared.messaging import kafka
from tests.support.databases import Databases

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session")
def database_url(pytestconfig: pytest.Config) -> Databases:
    """`database_url(prepared_by=None)` → address of a fresh database on a real PostgreSQL."""
    return Databases(run_of(pytestconfig))


@pytest.fixture
def broker(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A real broker that no service uses, as settings of a client; our own clients sign in to it as well."""
    stack = run_of(pytestconfig).stack("broker", ["kafka"])
    for name, value in stack.plan.kafka_login.items():
        monkeypatch.setenv(name, value)
    kafka.access.cache_clear()
    yield stack.kafka_client
    kafka.access.cache_clear()


@pytest.fixture
def broker_outside(broker: dict[str, str], pytestconfig: pytest.Config) -> str:
    """Address of `broker` for connectors."""
    return run_of(pytestconfig).stack("broker", ["kafka"]).plan.kafka_outside


def pytest_configure() -> None:
    """A script that runs the suite in the background ignores SIGINT, and so would every program that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shuffle", metavar="SEED", help="Run the modules, and the tests in each, in an order that SEED gives."
    )
    parser.addoption("--sample", action="store_true", help="Of tests/service only the first test of every module.")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whole modules together, for what they prepare once; the same order in every worker."""
    modules = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    if config.getoption("--sample"):
        service = config.rootpath / "tests" / "service"
        left_out = [test for tests in modules if tests[0].path.is_relative_to(service) for test in tests[1:]]
        modules = [tests[:1] if tests[0].path.is_relative_to(service) else tests for tests in modules]
        config.hook.pytest_deselected(items=left_out)
    if (seed := config.getoption("--shuffle")) is not None:
        chance = random.Random(seed)
        chance.shuffle(modules)
        for tests in modules:
            chance.shuffle(tests)
    items[:] = [test for tests in modules for test in tests]
