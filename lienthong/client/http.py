"""One service's door: an answer, a Problem when it refuses, NotRunning when nobody is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol, cast

import httpx

LARGEST_PAGE = 500  # rows; what the doors give at most


class Problem(Exception):
    """A service refused (RFC 9457): `type` is the stable slug, `facts` every further member.

    As text it is the detail, or what does not fit in a body, each with its pointer.
    """

    def __init__(self, type: str, status: int, detail: str, facts: Mapping[str, Any]) -> None:
        errors = facts.get("errors")
        unfit = errors if isinstance(errors, list) else []
        super().__init__("; ".join(f"{each.get('pointer', '')}: {each.get('detail', '')}" for each in unfit) or detail)
        self.type, self.status, self.detail, self.facts = type, status, detail, facts

    @classmethod
    def of(cls, response: httpx.Response) -> Problem:
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            where = f"{response.request.method} {response.request.url}"
            return cls("about:blank", response.status_code, f"{where} answered {response.status_code}.", {})
        facts = {name: value for name, value in body.items() if name not in ("type", "status", "detail")}
        slug = str(body.get("type", "about:blank")).rsplit("/", 1)[-1]
        said = (body.get(name) for name in ("detail", "error_description", "title"))  # OAuth has its own word for it
        return cls(slug, response.status_code, str(next(filter(None, said), "")), facts)


class NotRunning(Exception):
    """Nothing answers at an address; the text says what to do."""


class Http(Protocol):
    """What asks: an `httpx.AsyncClient`, or whoever stands in front of one."""

    @property
    def request(self) -> Callable[..., Awaitable[httpx.Response]]: ...


class Door:
    """One service's address; refusals raise Problem, silence raises NotRunning."""

    def __init__(self, http: Http, url: str) -> None:
        self._http, self.url = http, url.rstrip("/")

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """`path` may be a whole address, such as one read in a discovery document."""
        address = path if "://" in path else self.url + path
        try:
            response = await self._http.request(method, address, **options)
        except httpx.TransportError as error:
            if isinstance(error, httpx.TimeoutException):
                told = f"{self.url} does not answer in time: `lienthong status` shows who is stuck."
            else:
                told = f"Nothing answers at {self.url}: run `make up` first, or name the portal's address with --url."
            raise NotRunning(told) from error
        if response.status_code >= 400:
            raise Problem.of(response)
        return response

    async def json(self, method: str, path: str, **options: Any) -> Any:
        response = await self.send(method, path, **options)
        return response.json() if response.content else None


class Services:
    """The services of a running country, each at its own address."""

    portal: Door
    gateway: Door
    identity: Door
    payment: Door

    def service(self, name: str) -> Door:
        """By its name in timelines and verdicts: portal, gateway, identity, payment."""
        return cast(Door, getattr(self, name))


class Scope:
    """One sandbox of a country, as every part of the client addresses it.

    headers  choose the sandbox, in a request to any service
    lab      path of its control endpoints at the portal
    """

    def __init__(self, country: Services, id: str) -> None:
        self.country, self.id = country, id
        self.headers = {"X-Sandbox": id}
        self.lab = f"/_lab/sandboxes/{id}"


async def every_row(send: Callable[..., Awaitable[httpx.Response]], path: str, **params: Any) -> list[Any]:
    """A whole list, page by page, however many rows it has.

    send    asks a door, as `Door.send` does
    params  of the query, such as `offered`
    """
    answer = await send("GET", path, params={"page_size": LARGEST_PAGE, **params})
    rows: list[Any] = answer.json()
    while "next" in answer.links:
        answer = await send("GET", answer.links["next"]["url"])
        rows += answer.json()
    return rows


async def rows_in(scope: Scope, service: str, path: str) -> list[Any]:
    """A whole list of one service, read in one sandbox."""
    return await every_row(partial(scope.country.service(service).send, headers=scope.headers), path)
