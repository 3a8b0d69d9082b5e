"""The sample of the breadth, pushed over the adapter API: every dossier ends, and both views of each agree."""

from __future__ import annotations

from typing import Any

import pytest

from lienthong.client import Country, Sandbox
from lienthong.journeys.travel import LEVEL_2
from tests.e2e.test_breadth import EVERY, START, Way, _all, _file, _ways
from tests.e2e.test_legacy import Program

OWNER = {"LoaiDoiTuong": "1", "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "037190900123"}]}


@pytest.mark.lienthong(seed="legacy-breadth", start=START, time_to_live="1d")
async def test_every_dossier_of_the_sample_ends_and_both_views_agree(lienthong: Country, sandbox: Sandbox) -> None:
    ways = (await _ways(lienthong))[::EVERY]
    programs = {}
    for code in {way.province for way in ways}:
        credentials = (await sandbox.connect(code, "legacy")).credentials
        programs[code] = Program(credentials["legacy"])
    citizens = {persona: sandbox.citizen(persona) for persona in LEVEL_2}
    who = {persona: await citizen.who_am_i() for persona, citizen in citizens.items()}
    now = (await sandbox.clock.now()).strftime("%Y%m%d%H%M%S")

    async def file(number: int, way: Way) -> str:
        """The code of the dossier at the province; one that is filed online has that of the portal."""
        if way.channel == "online":
            return await _file(sandbox, citizens[way.persona], who[way.persona], way)
        program = programs[way.province]
        theirs = f"000.00.00.{program.legacy['agency']}-260511-{number:04}"
        communes = await lienthong.communes(way.province)
        name = next((each["name_vi"] for each in communes if each["code"] == way.commune), "tỉnh")
        dossier = {
            "MaHoSo": theirs,
            "MaTTHC": way.procedure,
            "KenhThucHien": {"direct": "1", "public_postal": "3"}[way.channel],
            "ChuHoSo": who[way.persona]["HoVaTen"],
            **OWNER,
            "NgayTiepNhan": now,
            "TrangThaiHoSo": "2",
            "HinhThuc": "0" if way.channel == "direct" else "1",
            "DonViXuLy": f"UBND {name}",
        }
        await succeeds(program, "DongBoHoSoMC", isUpdating="False", data=[dossier])
        return theirs

    codes = await _all([lambda n=n, way=way: file(n, way) for n, way in enumerate(ways)])
    await sandbox.settle()

    async def end(theirs: str, way: Way) -> None:
        program = programs[way.province]
        steps = [{"MaHoSo": theirs, "TrangThai": str(status), "NguoiXuLy": "Cán bộ A"} for status in (2, 4, 9, 10)]
        await succeeds(program, "CapNhatTienDoHoSoMC", data=steps)
        shown = await program.look_up(theirs)
        assert shown["TrangThaiHoSo"] == "10", (way, shown)
        await succeeds(program, "DongBoHoSoMC", isUpdating="True", data=[shown])

    await _all([lambda t=theirs, way=way: end(t, way) for theirs, way in zip(codes, ways, strict=True)])
    await sandbox.settle()
    ended = await sandbox.dossiers()
    assert len(ended) == len(ways) == len(set(ended))
    views = await _all([lambda code=code: sandbox.views(code) for code in ended])
    assert [view["code"] for view in views if view["differs"]] == []
    assert {view["network"]["TrangThaiHoSo"] for view in views} == {"10"}
    assert {view["code_of_province"] for view in views} == set(codes)
    assert await sandbox.dead_letters("gateway") == await sandbox.dead_letters("portal") == []


async def succeeds(program: Program, service: str, **parameters: Any) -> None:
    answer = await program.call(service, **parameters)
    assert str(answer["error_code"]) == "0", (service, parameters, answer)
