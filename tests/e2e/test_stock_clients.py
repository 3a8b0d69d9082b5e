"""The programs of examples/clients sign in, each with its library as published, run as their README says."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from lienthong.pytest_plugin import run_of
from lienthong.sync import Country, Sandbox
from tests.support.command import PATIENCE

pytestmark = pytest.mark.clients
CLIENTS = Path(__file__).parents[2] / "examples" / "clients"
ROW = re.compile(r"^\| \[([\w-]+)\].*?\| (.*?) \| `(.+?)`", re.MULTILINE)
COMMANDS = {name: command for name, _, command in ROW.findall((CLIENTS / "README.md").read_text(encoding="utf-8"))}
TOOLS = {
    "go-oidc": {"go": ("go version", (1, 25), "golang-go")},
    "openid-client": {"node": ("node --version", (20,), "nodejs"), "npm": ("npm --version", (9,), "npm")},
    "nimbus": {"mvn": ("mvn -version", (3,), "maven"), "javac": ("javac -version", (17,), "openjdk-17-jdk-headless")},
}
TOOLS["spring-security"] = TOOLS["nimbus"]
SUCCESS = r"Lan signed in and has \d+ dossiers"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, so that nothing is built in the tree."""
    return Path(shutil.copytree(CLIENTS, tmp_path_factory.mktemp("programs") / "clients"))


@pytest.fixture(params=["default", "frozen"])
def environment(lienthong_sync: Country, sandbox_sync: Sandbox, request: pytest.FixtureRequest) -> dict[str, str]:
    """What the README lets a user set."""
    sandbox = sandbox_sync.id if request.param == "frozen" else "default"
    facts = httpx.get(f"{lienthong_sync.url}/_lab/sandboxes/{sandbox}", timeout=60).raise_for_status().json()
    values = {"ISSUER": facts["issuer"], "OIDC_CLIENT": facts["oidc_client"], "LIENTHONG_URL": lienthong_sync.url}
    return {**os.environ, **values}


def require(name: str) -> None:
    for tool, (command, needed, package) in TOOLS[name].items():
        if shutil.which(tool) is None:
            pytest.fail(f"{name} needs {tool}, which is not installed: apt-get install {package}", pytrace=False)
        done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
        version = re.search(r"(?<![\d[])\d+(?:\.\d+)*", done.stdout)  # Maven prints "\x1b[1mApache Maven 3.8.7"
        have = tuple(int(part) for part in version[0].split(".")) if version else ()
        if have < needed:
            wanted = ".".join(str(part) for part in needed)
            pytest.fail(f"{name} needs {tool} {wanted} or newer; this is {done.stdout or done.stderr}", pytrace=False)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "spring-security"])
def test_a_stock_library_signs_in(
    programs: Path, environment: dict[str, str], name: str, pytestconfig: pytest.Config
) -> None:
    require(name)
    with run_of(pytestconfig).locked("stock-clients"):  # two builds in one folder disturb each other
        done = subprocess.run(
            ["bash", "-c", COMMANDS[name]],
            cwd=programs / name,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(SUCCESS, done.stdout), done.stdout


def test_a_person_signs_in_to_a_spring_application(
    programs: Path, environment: dict[str, str], pytestconfig: pytest.Config
) -> None:
    require("spring-security")
    with (
        run_of(pytestconfig).locked("stock-clients"),
        started(programs / "spring-security", COMMANDS["spring-security"], environment) as url,
        httpx.Client(follow_redirects=True, timeout=PATIENCE, headers={"Accept": "text/html"}) as browser,
    ):
        page = browser.get(url)
        link = re.search(r'href="([^"]*login_hint=lan[^"]*)"', page.text)
        assert link, page.text
        home = browser.get(urljoin(str(page.url), unescape(link[1])))
    assert re.search(SUCCESS, home.text), f"{home.url}: {home.status_code} {home.text}"


@contextmanager
def started(folder: Path, command: str, environment: dict[str, str]) -> Iterator[str]:
    """A Spring application on a free port, until the end of the block; gives its address."""
    words = ["timeout", str(PATIENCE), *command.split()]  # `timeout` also passes a signal on to all that it started
    process = subprocess.Popen(
        words,
        cwd=folder,
        env={**environment, "SERVER_PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output = ""
        assert process.stdout is not None
        for line in process.stdout:
            output += line
            if port := re.search(r"Tomcat started on port (\d+)", line):
                break
        else:
            pytest.fail(f"It did not start:\n{output}", pytrace=False)
        yield f"http://127.0.0.1:{port[1]}/"
    finally:
        process.terminate()
        process.communicate()
