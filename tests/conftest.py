"""Fixtures of every suite; what they start is described in `support/stack.py`."""

import os

import pytest

from lienthong.embedded.stack import Stack
from tests.support.stack import Databases, Elsewhere, elsewhere, end_run, forget_earlier_runs, run_folder, shared


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The whole country, started once per run: a sandbox per test; who breaks things starts a `Stack` of their own.

    With LIENTHONG_URL it is the one that runs there, in containers or wherever.
    """
    if url := elsewhere():
        return Elsewhere(url)
    return shared("stack", ["postgres", "kafka", "services"])


@pytest.fixture(scope="session")
def database_url() -> Databases:
    """`database_url(prepared_by=None)` → address of a fresh database on a real PostgreSQL."""
    return Databases()


@pytest.fixture(scope="session")
def kafka_bootstrap() -> str:
    """Address of a real broker that no service uses."""
    return shared("broker", ["kafka"]).kafka_bootstrap


def pytest_configure(config: pytest.Config) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        forget_earlier_runs()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ and run_folder().exists():
        end_run(keep_logs=exitstatus not in (0, 5))
