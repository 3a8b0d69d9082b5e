"""Every procedure that is offered travels the whole way, each in another province than the one before."""

from lienthong.client import Country
from lienthong.embedded.stack import Stack
from lienthong.journeys import LEVEL_2, RETURNED, Journey, travel_together
from tests.support.command import portal

OFFERED = 69  # of the 111: handled by a commune or province, limit in working days, online fee known


async def test_every_offered_procedure_is_returned_to_its_citizen(stack: Stack) -> None:
    async with Country(portal(stack)) as country:
        procedures = sorted(await country.procedures(), key=lambda each: str(each["code"]))
        assert len(procedures) == OFFERED
        provinces = sorted(str(each["code"]) for each in await country.provinces())
        journeys = []
        for place, procedure in enumerate(procedures):
            province = provinces[place % len(provinces)]
            communes = await country.communes(province)
            commune = communes[place % len(communes)]["code"] if procedure["level"] == "commune" else None
            persona = LEVEL_2[place % len(LEVEL_2)]
            journeys.append(Journey("catalogue", persona, procedure["code"], province, commune, RETURNED))
        async with country.sandbox(seed="catalogue") as sandbox:
            done = await travel_together(sandbox, journeys)
        failed = [(each.journey.procedure, each.dossier["status"]["slug"]) for each in done if not each.reached]
        assert not failed
        fees = {each.journey.procedure: each.dossier["fee"] for each in done}
        for procedure in procedures:
            fee = fees[procedure["code"]]
            assert (fee["amount_dong"] if fee else 0) == procedure["fee_online_dong"]
            assert fee is None or fee["status"] == "paid"
        assert len({each.journey.province for each in done}) == len(provinces)
