"""The citizens of the load: prepared requests of invented persons in all 34 provinces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lienthong.client import Country, Sandbox
from tools.bench import load

PERSONAS = ("lan", "minh", "huong", "duc")
PROCEDURE, FEE_DONG = "2.000635", 8_000  # handled by a commune, with a fee
COMMUNES_EACH = 6  # per province: 204 agencies in total, so that clients seldom wait for the code counter of one agency
NOTE = "Tôi cần giấy tờ này để làm thủ tục nhập học cho con; kính mong quý cơ quan giải quyết sớm. " * 3


@dataclass(frozen=True)
class Place:
    """A commune and the lane of its province."""

    province: str
    agency: str
    commune: str
    lane: int


async def places(country: Country) -> list[Place]:
    """Some communes of every province; adjacent entries belong to different provinces."""
    by_province = []
    for lane, province in enumerate(sorted(await country.provinces(), key=lambda each: str(each["code"]))):
        communes = (await country.communes(province["code"]))[:COMMUNES_EACH]
        by_province.append([Place(province["code"], province["agency_code"], each["code"], lane) for each in communes])
    return [place for row in zip(*by_province, strict=True) for place in row]


async def tokens(sandbox: Sandbox) -> list[str]:
    """An access token of every persona, valid at the current sandbox time."""
    return [await sandbox.citizen(persona).sign_in() for persona in PERSONAS]


def submissions(bearers: list[str], places: Sequence[Place]) -> list[bytes]:
    """One submission request per place; its Idempotency-Key is a placeholder."""
    return [
        load.request(
            "POST",
            "/api/v1/dossiers",
            {"procedure": PROCEDURE, "authority": {"province": place.province, "commune": place.commune}, "note": NOTE},
            {"authorization": f"Bearer {bearers[n % len(bearers)]}", "idempotency-key": load.KEY},
        )
        for n, place in enumerate(places)
    ]
