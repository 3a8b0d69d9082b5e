"""What generators and validators of others make of our contracts; `make contracts-clients` runs these tests.

A program that is missing fails them, with the command that installs it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lienthong.pytest_plugin import run_of
from tools.fetched import java_packages, node_packages, python_packages

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="session")
def node(pytestconfig: pytest.Config) -> Path:
    """A folder with our programs for Node and the packages that they import."""
    folder = node_packages(run_of(pytestconfig), PROGRAMS)
    for program in PROGRAMS.glob("*.js"):
        (folder / program.name).write_bytes(program.read_bytes())
    return folder


@pytest.fixture(scope="session")
def jars(pytestconfig: pytest.Config) -> str:
    """The class path of Jackson and networknt's validator."""
    return f"{java_packages(run_of(pytestconfig), PROGRAMS)}/lib/*"


@pytest.fixture(scope="session")
def generator(pytestconfig: pytest.Config) -> Path:
    """The `bin` of a virtual environment with openapi-python-client."""
    return python_packages(run_of(pytestconfig), PROGRAMS, sys.executable) / "venv/bin"
