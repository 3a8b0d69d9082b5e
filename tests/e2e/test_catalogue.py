"""Every procedure that is filed online travels the whole way, each in another province than the one before."""

from lienthong.client import Country
from lienthong.journeys.travel import LEVEL_2, RETURNED, Journey, travel_all

ONLINE = 109  # of the 111: two are filed at a desk only
BEFORE_JULY = "2026-05-11T08:00:00+07:00"  # when two of them cease


async def test_every_procedure_that_is_filed_online_is_returned_to_its_citizen(lienthong: Country) -> None:
    online = {"channel": "online", "on": BEFORE_JULY[:10]}
    found = await lienthong.portal.json("GET", "/api/v1/procedures", params=online)
    procedures = sorted(found, key=lambda each: str(each["code"]))
    assert len(procedures) == ONLINE
    provinces = sorted(str(each["code"]) for each in await lienthong.provinces())
    journeys = []
    for place, procedure in enumerate(procedures):
        province = provinces[place % len(provinces)]
        communes = await lienthong.communes(province)
        commune = communes[place % len(communes)]["code"] if procedure["level"] == "commune" else None
        persona = LEVEL_2[place % len(LEVEL_2)]
        journeys.append(Journey("catalogue", persona, procedure["code"], province, commune, RETURNED))
    async with lienthong.sandbox(seed="catalogue", start=BEFORE_JULY) as sandbox:
        done = await travel_all(sandbox, journeys, by_day=True)
    failed = [(each.journey.procedure, each.dossier["status"]["slug"]) for each in done if not each.reached]
    assert not failed
    fees = {each.journey.procedure: each.dossier["fee"] for each in done}
    asked = {each.journey.procedure: each.journey.province for each in done}
    for procedure in procedures:
        code, fee = procedure["code"], fees[procedure["code"]]
        wish = {"province": asked[code], "channel": "online", "on": BEFORE_JULY[:10]}
        said = await lienthong.portal.json("GET", f"/api/v1/procedures/{code}/fee", params=wish)
        assert (fee["amount_dong"] if fee else 0) == said["total_dong"], code
        assert fee is None or fee["status"] == "paid"
    assert len({each.journey.province for each in done}) == len(provinces)
