"""What `lienthong push` says of a receiver that is named wrongly, and which addresses a profile has."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from contracts.legacy.profiles import OF_PUSHES, PROFILES
from lienthong.client import Sandbox
from lienthong.embedded import Trouble
from lienthong.pushing import Pushing, Receiver
from tests.support.command import command

BASE, CODE = "http://receiver.test/legacy", "H42.14464-260609-0001"
SHOWN = {"MaHoSo": CODE, "TrangThaiHoSo": "2", "ChuHoSo": "Trần Ngọc Lan"}
TAKEN = {"error_code": 0, "message": "Thực hiện thành công"}


class Office:
    """A sandbox whose province has these dossiers."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes

    def province(self, code: str) -> Any:
        return SimpleNamespace(dossiers=self._dossiers)

    async def _dossiers(self) -> list[dict[str, str]]:
        return [{"code": code} for code in self._codes]

    async def views(self, code: str) -> dict[str, Any]:
        return {"network": SHOWN}

    async def events(self, code: str) -> list[dict[str, Any]]:
        return [{"status": 2, "at": "2026-06-09T08:00:00+07:00", "text_vi": "Tiếp nhận"}]


async def pushed(
    answers: dict[str, Any], *codes: str, profile: str = "plain", **receiver: str
) -> tuple[list[httpx.Request], list[str]]:
    """The requests, and the lines that are printed. `answers`: path → answer; another path has 404."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if (said := answers.get(request.url.path)) is None:
            return httpx.Response(404, json={"title": "No resource has this address.", "status": 404})
        if isinstance(said, Exception):
            raise said
        return httpx.Response(200, json=said)

    how = {"pushes": {name: getattr(PROFILES[profile], name) for name in OF_PUSHES}}
    lines: list[str] = []
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        office = cast(Sandbox, Office(*codes))
        await Pushing(office, "37", Receiver(BASE, "H42", **receiver), how, http).push_all(lines.append)
    return requests, lines


@pytest.mark.parametrize("codes", [(), (CODE,)], ids=["no dossier", "one dossier"])
@pytest.mark.parametrize(
    ("profile", "answers", "sentence"),
    [
        ("plain", {"/legacy/login": {"error_code": -1, "message": "Sai mật khẩu"}}, "but: Sai mật khẩu. Look at name"),
        ("plain", {"/legacy/login": {"title": "Wrong."}}, "but: Wrong"),
        ("plain", {}, r"404.*--login and --integration name the paths"),
        ("plain", {"/legacy/login": httpx.ConnectError("All attempts failed")}, "does not answer: look whether"),
        ("plain", {"/legacy/login": httpx.ReadTimeout("")}, "does not answer within 6 s"),
        ("array", {}, r"404.*--to takes the base URL of that \(`wrapper`\)"),
        ("array-in-query", {}, r"404.*`wrapper`"),
    ],
)
async def test_a_receiver_that_is_named_wrongly_is_an_error_also_without_a_dossier(
    profile: str, answers: dict[str, Any], sentence: str, codes: tuple[str, ...]
) -> None:
    with pytest.raises(Trouble, match=sentence):
        await pushed(answers, *codes, profile=profile)


async def test_a_wrapper_that_refuses_even_an_empty_array_is_an_error() -> None:
    refusing = {"/legacy/KetNoiMotCuaQuocGia/ThemMoi": {"error_code": "-1", "message": "Sai khoá"}}
    with pytest.raises(Trouble, match="refuses an empty array: Sai khoá"):
        await pushed(refusing, profile="array")


async def test_a_path_is_joined_with_one_slash() -> None:
    answers = {"/legacy/in": TAKEN | {"session": "s"}, "/legacy/call": TAKEN}
    requests, lines = await pushed(answers, CODE, login="in", integration="/call")
    assert [request.url.path for request in requests] == ["/legacy/in", *["/legacy/call"] * 3]
    assert lines == [f"{CODE}  2  1 steps  taken"]


async def test_a_refusal_is_printed_as_it_is_said() -> None:
    answers = {"/legacy/login": {"session": "s"}, "/legacy/integration": {"title": "Not now.", "status": 503}}
    _, lines = await pushed(answers, CODE)
    assert lines == [f"{CODE}  2  1 steps  refused: Not now."]


async def test_the_agency_stands_in_the_query_where_the_profile_has_it_there() -> None:
    paths = ("/legacy/api/SynsTTHCC/DongBoHoSoMC", "/legacy/KetNoiMotCuaQuocGia/DongBoTienTrinh")
    requests, _ = await pushed(dict.fromkeys(paths, TAKEN), CODE, profile="array-in-query")
    assert [request.url.path for request in requests] == [*paths]
    assert dict(requests[0].url.params) == {"MaDinhDanhDV": "H42", "isUpdating": "False"}
    assert [each["MaHoSo"] for each in json.loads(requests[0].content)] == [CODE]


def test_an_address_that_is_none_is_an_error() -> None:
    done = command("push", "--province", "37", "--to", "foo", url="http://127.0.0.1:9")
    assert done.returncode == 1 and "--to: 'foo' has no scheme: write http://foo." in done.stderr
