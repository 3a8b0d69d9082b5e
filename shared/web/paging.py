"""Pages of a list. A request sends `page_size` and `page_token`; a response carries RFC 8288 `Link` and `X-Total-Count`.
The body is a plain list.

    async def things(page: PageDep, request: Request, response: Response) -> list[Thing]:
        return announce(request, response, page.of(every_thing))

A token is opaque and marks the start of a page: clients follow `rel="next"` until there is none. `Page.of` cuts a list in
memory. For a list in a table, read `size` rows after the position `page.after` and build a `Cut`. A position is any text
that identifies a row, such as its key.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Depends, Query, Request, Response

from shared.storage.page import LARGEST, TOKEN, USUAL, Cut, Page, Row, unknown_place
from shared.web.dependencies import Number


def page_of(
    page_size: Annotated[int, Number, Query(ge=1, le=LARGEST, description="Largest number of rows in a page")] = USUAL,
    page_token: Annotated[
        str | None,
        Query(
            max_length=400, pattern="^[A-Za-z0-9_-]*$", description="Token from the `Link` header of the previous page"
        ),
    ] = None,
) -> Page:
    return Page(page_size, None if page_token is None else _decode(page_token))


PageDep = Annotated[Page, Depends(page_of)]


def announce(request: Request, response: Response, cut: Cut[Row]) -> list[Row]:
    """Write the headers `Link` and `X-Total-Count`; returns the rows of the page."""
    links = {"first": None, "next": cut.next}
    values = (
        f'<{_url(request, position)}>; rel="{rel}"' for rel, position in links.items() if position or rel == "first"
    )
    response.headers["Link"] = ", ".join(values)
    if cut.total is not None:
        response.headers["X-Total-Count"] = str(cut.total)
    return cut.rows


def _url(request: Request, position: str | None) -> str:
    """The path and query of the request with another position; relative (RFC 8288 section 3.1), so it works behind a proxy."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != TOKEN]
    if position is not None:
        query.append((TOKEN, _encode(position)))
    path = quote(
        request.scope["path"]
    )  # the path is decoded here; a header allows only the characters of an encoded path
    return path + (f"?{urlencode(query)}" if query else "")


def _encode(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _decode(token: str) -> str:
    try:
        position = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise unknown_place() from error
    if "\x00" in position:  # no list has such a position, and PostgreSQL rejects the character
        raise unknown_place()
    return position
