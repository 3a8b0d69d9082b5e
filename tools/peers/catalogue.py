"""The programs of others: where they come from, how they are started, and what is asked of them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lienthong.embedded import jars
from lienthong.embedded.run import Run
from tools.fetched import go_program, java_packages, python_packages
from tools.peers.http import get, post_form, post_json
from tools.peers.logins import Provider
from tools.peers.things import Thing

PROGRAMS = Path(__file__).with_name("programs")
Command = tuple[list[str], Mapping[str, str]]  # words and environment
STRIPE = {"authorization": "Bearer sk_test_12345"}
# localstripe as its command starts it; but that listens on every address, and keeps its file in /tmp under a fixed name.
LOCALSTRIPE = """
import builtins, logging, sys
from aiohttp import web
from localstripe import resources, server
resources.open = lambda path, mode: builtins.open("localstripe.pickle", mode)
resources.store.try_load_from_disk()
logging.basicConfig(level=logging.INFO)
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]))
"""


@dataclass(frozen=True)
class Peer:
    """A program of others.

    lock      the file of programs/NAME that pins it, and how the version stands there
    command   from the folder with what was fetched, and the port
    ready     a path that answers 200 when it can be used, with `headers`
    """

    name: str
    lock: str
    pinned: str
    fetch: Callable[[Run, Path], Path]
    command: Callable[[Path, int], Command]
    ready: str
    headers: dict[str, str] = field(default_factory=dict)
    provider: Callable[[str], Provider] | None = None
    thing: Callable[[str], Thing] | None = None

    @property
    def folder(self) -> Path:
        return PROGRAMS / self.name.lower()

    @property
    def version(self) -> str:
        (version,) = re.findall(self.pinned, (self.folder / self.lock).read_text(encoding="utf-8"))
        return str(version)


def _python(run: Run, source: Path) -> Path:
    return python_packages(run, source, sys.executable)


def _stripe_mock(run: Run, source: Path) -> Path:
    return go_program(run, source, "github.com/stripe/stripe-mock")


def _words(*words: str | Path | int, **environment: str) -> Command:
    return [str(word) for word in words], {**os.environ, **environment}


def _mock_oauth2_server(folder: Path, port: int) -> Command:
    return _words(
        *(jars.java()[0], "-cp", f"{folder}/lib/*", "no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt"),
        SERVER_HOSTNAME="127.0.0.1",
        SERVER_PORT=str(port),
        JSON_CONFIG='{"interactiveLogin": false, "httpServer": "MockWebServerWrapper"}',
    )


def _wiremock(folder: Path, port: int) -> Command:
    (jar,) = (folder / "lib").glob("wiremock-standalone-*.jar")
    return _words(jars.java()[0], "-jar", jar, "--port", port, "--bind-address", "127.0.0.1")


def _customer(url: str) -> Thing:
    return Thing(
        "creates",
        "customer",
        url,
        lambda key: post_form("/v1/customers", {"description": key}, {**STRIPE, "idempotency-key": key}),
        lambda key, customer: get(f"/v1/customers/{customer['id']}", STRIPE),
        "id",
    )


def _stub(url: str) -> Thing:
    return Thing(
        "creates",
        "stub",
        url,
        lambda key: post_json(
            "/__admin/mappings",
            {"request": {"method": "GET", "urlPath": f"/{key}"}, "response": {"status": 200, "body": key}},
        ),
        lambda key, stub: get(f"/{key}"),
        "id",
    )


PEERS = (
    Peer(
        "oidc-provider-mock",
        "requirements.txt",
        r"(?m)^oidc-provider-mock==(\S+)",
        _python,
        lambda folder, port: _words(folder / "venv/bin/oidc-provider-mock", "--port", port),
        "/.well-known/openid-configuration",
        provider=lambda url: Provider(url, form={"sub": "lan"}),
    ),
    Peer(
        "mock-oauth2-server",
        "pom.xml",
        r"<artifactId>mock-oauth2-server</artifactId>\s*<version>(.+?)<",
        java_packages,
        _mock_oauth2_server,
        "/isalive",
        provider=lambda url: Provider(url, issuer="/default"),
    ),
    Peer(
        "localstripe",
        "requirements.txt",
        r"(?m)^localstripe==(\S+)",
        _python,
        lambda folder, port: _words(folder / "venv/bin/python", "-c", LOCALSTRIPE, port),
        "/v1/customers",
        STRIPE,
        thing=_customer,
    ),
    Peer(
        "stripe-mock",
        "go.mod",
        r"stripe-mock v(\S+)",
        _stripe_mock,
        lambda folder, port: _words(
            *(folder / "program", "-http-addr", f"127.0.0.1:{port}", "-https-addr", f"127.0.0.1:{port + 1}")
        ),
        "/v1/customers",
        STRIPE,
        thing=_customer,
    ),
    Peer(
        "WireMock",
        "pom.xml",
        r"<artifactId>wiremock-standalone</artifactId>\s*<version>(.+?)<",
        java_packages,
        _wiremock,
        "/__admin/mappings",
        thing=_stub,
    ),
)
