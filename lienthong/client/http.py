"""HTTP client of one service: returns the response, raises Problem for a refusal, NotRunning if nothing answers."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http.client import HTTPException, InvalidURL
from typing import Any, Protocol, cast

from lienthong.addresses import address_fault, invalid

NOT_FACTS = (
    "title",
    "title_vi",
    "detail_vi",
    "instance",
    "errors",
    "error_description",
)  # members with another meaning
LARGEST_PAGE = 500  # rows; the largest page that the services return
NEXT_PAGE = re.compile(r'<([^>]*)>; *rel="?next"?')


class Problem(Exception):
    """A service refused (RFC 9457): `type` is the stable slug, `facts` every further member, `document` the whole problem.

    Its text is the status, the slug, what is refused, what to do, and the facts.
    """

    __module__ = "lienthong.client"  # as it is documented and imported, also in tracebacks

    def __init__(self, type: str, status: int, detail: str, facts: Mapping[str, Any]) -> None:
        self.type, self.status, self.detail, self.facts = type, status, detail, facts
        super().__init__(self.text())

    @property
    def document(self) -> dict[str, Any]:
        """The problem as the service sent it."""
        kind = self.type if ":" in self.type else f"/problems/{self.type}"
        return {"type": kind, "status": self.status, "detail": self.detail, **self.facts}

    def text(self, lang: str = "en") -> str:
        """`404 procedure-not-found: There is no such procedure. … (procedure: 9.999999)`; an invalid body's errors.

        lang  en, or vi for what the service says in Vietnamese
        """
        of_lang = "_vi" if lang == "vi" else ""
        title = str(self.facts.get(f"title{of_lang}") or self.facts.get("title") or "")
        errors = self.facts.get("errors")
        if isinstance(errors, list) and errors:
            sentences = [f"{e.get('pointer', '')}: {e.get('detail' + of_lang) or e.get('detail', '')}" for e in errors]
            detail = "; ".join(sentences)
        else:
            detail = "" if self.detail == title else self.detail
        facts = ", ".join(f"{name}: {_fact(value)}" for name, value in self.facts.items() if name not in NOT_FACTS)
        head = f"{self.status} {self.type}".removesuffix(" about:blank")
        return f"{head}: {' '.join(filter(None, (title, detail)))}" + (f" ({facts})" if facts else "")

    @classmethod
    def of(cls, response: Response) -> Problem:
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            request = f"{response.request.method} {response.request.url}"
            return cls("about:blank", response.status_code, f"{request} answered {response.status_code}.", {})
        facts = {name: value for name, value in body.items() if name not in ("type", "status", "detail")}
        slug = str(body.get("type", "about:blank")).rsplit("/", 1)[-1]
        texts = (body.get(name) for name in ("detail", "error_description", "title"))  # OAuth: error_description
        return cls(slug, response.status_code, str(next(filter(None, texts), "")), facts)


def _fact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class NotRunning(Exception):
    """Nothing answers at an address; the text says what to do."""

    __module__ = "lienthong.client"


class Response(Protocol):
    """What the client reads of a response: an `httpx.Response`, or that of a verb's blocking request."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...
    @property
    def request(self) -> Any: ...
    def json(self) -> Any: ...


class Http(Protocol):
    """What sends requests: an `httpx.AsyncClient`, a wrapper around one, or a verb's blocking client."""

    @property
    def request(self) -> Callable[..., Awaitable[Response]]: ...


def _of_httpx(*names: str) -> tuple[type[Exception], ...]:
    """Errors of httpx; none if it was not imported, for then nothing raises them."""
    httpx = sys.modules.get("httpx")
    return tuple(getattr(httpx, name) for name in names) if httpx else ()


def _no_answer() -> tuple[type[Exception], ...]:
    """What the clients raise if nothing answers."""
    return (HTTPException, OSError, *_of_httpx("TransportError", "InvalidURL"))


def _what_to_do(url: str, error: Exception) -> str:
    """A sentence for a user who gets no answer from `url`."""
    if isinstance(error, (TimeoutError, *_of_httpx("TimeoutException"))):
        return f"{url} does not answer in time: `lienthong status` shows which process is stuck."
    if isinstance(error, (InvalidURL, *_of_httpx("InvalidURL"))):
        return invalid(url, error)
    return (
        f"Nothing answers at {url}: start it with `lienthong up`, or name the portal's address in "
        "LIENTHONG_URL or with --url."
    )


class ServiceClient:
    """Sends requests to one service. Raises Problem for a refusal, NotRunning if nothing answers."""

    def __init__(self, http: Http, url: str) -> None:
        self._http, self.url = http, url.rstrip("/")

    async def send(self, method: str, path: str, *, judged: bool = False, **options: Any) -> Response:
        """`path` may be a full address, such as one from a discovery document.

        judged  a verdict is a response also if it rejects (422)
        """
        address = path if "://" in path else self.url + path
        if fault := address_fault(address if address == path else self.url):
            raise NotRunning(fault)
        try:
            response = await self._http.request(method, address, **options)
        except _no_answer() as error:
            raise NotRunning(_what_to_do(self.url, error)) from error
        is_verdict = judged and response.headers.get("content-type", "").startswith("application/json")
        if response.status_code >= 400 and not is_verdict:
            raise Problem.of(response)
        return response

    async def json(self, method: str, path: str, **options: Any) -> Any:
        response = await self.send(method, path, **options)
        return response.json() if response.content else None


class Services:
    """The services of a running country, each at its own address."""

    portal: ServiceClient
    gateway: ServiceClient
    identity: ServiceClient
    payment: ServiceClient

    def service(self, name: str) -> ServiceClient:
        """A service by its name in timelines and verdicts: portal, gateway, identity, payment."""
        return cast(ServiceClient, getattr(self, name))


class Scope:
    """One sandbox of a country: base of the client's parts.

    headers  select the sandbox in a request to any service
    lab      path of its test endpoints at the portal
    """

    def __init__(self, country: Services, id: str) -> None:
        self.country, self.id = country, id
        self.headers = {"X-Sandbox": id}
        self.lab = f"/_lab/sandboxes/{id}"


async def every_row(send: Callable[..., Awaitable[Response]], path: str, **params: Any) -> list[Any]:
    """All rows of a list, read page by page.

    send    sends a request, such as `ServiceClient.send`
    params  query parameters, such as `offered`
    """
    response = await send("GET", path, params={"page_size": LARGEST_PAGE, **params})
    rows: list[Any] = response.json()
    while following := NEXT_PAGE.search(response.headers.get("link", "")):
        response = await send("GET", following[1])
        rows += response.json()
    return rows


async def rows_in(scope: Scope, service: str, path: str) -> list[Any]:
    """All rows of one service's list in one sandbox."""
    return await every_row(partial(scope.country.service(service).send, headers=scope.headers), path)
