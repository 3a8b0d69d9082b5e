"""A refusal names what is wrong, not something near it: durations and addresses."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from pydantic import ValidationError

from lienthong.addresses import address_fault
from lienthong.client import Country, NotRunning
from shared.errors import BodyDoesNotFit
from shared.sandbox.clock import parse_duration
from shared.settings import Settings
from tests.support.country import ADDRESSES


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("P1M", "'P1M' has no fixed length, because years and months differ: write days, such as 30d or P30D"),
        ("P1Y", "has no fixed length"),
        ("P1Y2M3DT4H", "has no fixed length"),
        ("PT1.5H", "has a fraction: write it in smaller units"),
        ("P0,5D", "has a fraction"),
        ("P\u0663D", "is not a duration such as 3d"),
        ("\u0663d", "is not a duration such as 3d"),
        ("\uff13d", "is not a duration such as 3d"),
        ("P", "is not a duration such as 3d"),
        ("PT", "is not a duration such as 3d"),
        ("P3DT", "is not a duration such as 3d"),
        ("", "is not a duration such as 3d"),
    ],
)
def test_a_duration_is_refused_for_what_is_wrong_with_it(text: str, why: str) -> None:
    with pytest.raises(BodyDoesNotFit) as refused:
        parse_duration(text, "/by")
    assert why in refused.value.errors[0]["detail"]


@pytest.mark.parametrize("text", ["36h", "1d12h", "P1DT12H", "PT36H", "PT2160M"])
def test_a_duration_of_fixed_length_is_read(text: str) -> None:
    assert parse_duration(text, "/by") == timedelta(hours=36)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "localhost:8000", "portal.example/", "//127.0.0.1:8000", ""])
async def test_an_address_without_a_scheme_is_named_as_such(url: str) -> None:
    """Not as one at which nothing answers."""
    assert "has no scheme: write http://" in address_fault(url)
    country = Country("http://127.0.0.1:1")
    country.url = url
    async with httpx.AsyncClient() as http:
        with pytest.raises(NotRunning, match="has no scheme: write http://"):
            await country.open(http)


def test_an_address_with_another_scheme_is_named_as_such() -> None:
    assert address_fault("ftp://a:1") == (
        "'ftp://a:1' begins with ftp://, but only http:// and https:// can be used: write http://a:1."
    )
    assert address_fault("https://a") == address_fault("HTTP://a") == ""


def test_a_service_refuses_public_addresses_without_a_scheme() -> None:
    with pytest.raises(ValidationError, match=r"'127\.0\.0\.1:8000' has no scheme: write http://127"):
        Settings(**{**ADDRESSES, "PORTAL_URL": "127.0.0.1:8000"})
