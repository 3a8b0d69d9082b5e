"""Who the load pretends to be, and what it asks for: prepared requests of invented citizens in all 34 provinces."""

from __future__ import annotations

from dataclasses import dataclass

from lienthong.client import Country, Sandbox
from tools.bench import load

PERSONAS = ("lan", "minh", "huong", "duc")
PROCEDURE, FEE_DONG = "2.000635", 8_000  # a commune handles it, and it has a fee
COMMUNES_EACH = 6  # per province: 204 agencies, so that clients seldom wait for one agency's counter
NOTE = "Tôi cần giấy tờ này để làm thủ tục nhập học cho con; kính mong quý cơ quan giải quyết sớm. " * 3


@dataclass(frozen=True)
class Place:
    """A commune, and the lane of its province."""

    province: str
    agency: str
    commune: str
    lane: int


async def places(country: Country) -> list[Place]:
    """Some communes of every province; neighbours in the list lie in different provinces."""
    found = []
    for lane, province in enumerate(sorted(await country.provinces(), key=lambda each: str(each["code"]))):
        communes = (await country.communes(province["code"]))[:COMMUNES_EACH]
        found.append([Place(province["code"], province["agency_code"], each["code"], lane) for each in communes])
    return [place for row in zip(*found, strict=True) for place in row]


async def tokens(sandbox: Sandbox) -> list[str]:
    """An access token of every persona, by the sandbox clock's now."""
    return [await sandbox.citizen(persona).sign_in() for persona in PERSONAS]


def submissions(bearers: list[str], where: list[Place]) -> list[bytes]:
    """One submission per place, each with a key still to be filled in."""
    return [
        load.request(
            "POST",
            "/api/v1/dossiers",
            {"procedure": PROCEDURE, "authority": {"province": at.province, "commune": at.commune}, "note": NOTE},
            {"authorization": f"Bearer {bearers[n % len(bearers)]}", "idempotency-key": load.KEY},
        )
        for n, at in enumerate(where)
    ]
