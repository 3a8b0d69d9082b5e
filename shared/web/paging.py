"""Pages of a list: `page_size` and `page_token` in, RFC 8288 `Link` and `X-Total-Count` out. The body stays a plain list.

    async def things(page: PageDep, request: Request, response: Response) -> list[Thing]:
        return announce(request, response, page.of(every_thing))

A token says where the next page begins and is opaque: follow `rel="next"` until there is none. A list held in memory
is cut by `Page.of`; a list in a table reads `size` rows after `page.after` (any text that finds the place again, such
as the last row's key) and builds its own `Cut`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Depends, Query, Request, Response

from shared.storage.page import LARGEST, TOKEN, USUAL, Cut, Page, Row, _unknown_place


def page_of(
    page_size: Annotated[int, Query(ge=1, le=LARGEST, description="At most so many rows")] = USUAL,
    page_token: Annotated[str | None, Query(max_length=400, description="From the `Link` of the page before")] = None,
) -> Page:
    return Page(page_size, None if page_token is None else _read(page_token))


PageDep = Annotated[Page, Depends(page_of)]


def announce(request: Request, response: Response, cut: Cut[Row]) -> list[Row]:
    """Say in the headers how to go on and how many there are; gives the rows."""
    links = {"first": None, "next": cut.next}
    shown = (f'<{_address(request, place)}>; rel="{rel}"' for rel, place in links.items() if place or rel == "first")
    response.headers["Link"] = ", ".join(shown)
    if cut.total is not None:
        response.headers["X-Total-Count"] = str(cut.total)
    return cut.rows


def _address(request: Request, place: str | None) -> str:
    """The request's own path and query with another place in it; relative (RFC 8288 section 3.1), whatever stands before us."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != TOKEN]
    if place is not None:
        query.append((TOKEN, _write(place)))
    path = quote(request.scope["path"])  # it was decoded, and a header holds no other letters than a path's
    return path + (f"?{urlencode(query)}" if query else "")


def _write(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _read(token: str) -> str:
    try:
        place = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _unknown_place() from error
    if "\x00" in place:  # no list has such a place, and PostgreSQL cannot be asked for it
        raise _unknown_place()
    return place
