"""The parameters of a request to the authorization and the token endpoint (RFC 6749 sections 3.1 and 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import Request

from shared.errors import Refusal

FORM = "application/x-www-form-urlencoded"
LIMIT = 100  # parameters of one request; the specifications name about thirty


class FormNotReadable(Refusal):
    """The body is not a form that we read."""


@dataclass(frozen=True)
class Parameters:
    """The parameters of one request.

    values    name → value, without parameters that are empty (they count as left out) or were sent twice
    is_valid  every parameter was sent once, and none contains the character NUL
    """

    values: dict[str, str]
    is_valid: bool


ONCE = "Send every parameter once, and no character NUL."


async def form_of(request: Request) -> Parameters:
    """Those in the body of a POST. Raises FormNotReadable."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise FormNotReadable(f"Send a form: Content-Type {FORM}.")
    return _parameters((await request.body()).decode(errors="replace"))


def query_of(request: Request) -> Parameters:
    """Those in the address of a GET. Raises FormNotReadable."""
    return _parameters(request.url.query)


def _parameters(text: str) -> Parameters:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=LIMIT)
    except ValueError:
        raise FormNotReadable(f"Send at most {LIMIT} parameters.") from None
    names = [name for name, _ in pairs]
    values = {name: value for name, value in pairs if value and names.count(name) == 1}
    return Parameters(values, len(set(names)) == len(names) and "\x00" not in "".join(values.values()))
