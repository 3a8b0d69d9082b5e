"""The door where dossiers come in: what gets through, what is refused, and that a key makes a request one."""

from __future__ import annotations

import asyncio
import gzip
import json
import unicodedata
from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts import lifecycle as law
from tests.support.country import Citizen, Country, Sandbox, pointers, problem, submission
from tests.support.factories import COMMUNE, COPY, FREE, PROVINCE, told

BY_PROVINCE = "3.000348"  # a province handles it, no commune
NOT_OFFERED = "1.012812"  # conciliation of a land dispute: not online
LEVEL_1 = "2.000815"  # certified copy: level 1 is enough


async def count(country: Country, sandbox: Sandbox, table: str = "dossiers") -> int:
    rows = await country.portal.database.fetch(f"SELECT count(*) FROM {table} WHERE sandbox = $1", sandbox.id)
    return int(rows[0]["count"])


async def test_a_submission_is_answered_and_told_to_the_province(country: Country, lan: Citizen) -> None:
    answer = await lan.submit(note="Xin hai bản")
    assert answer.status_code == 201
    dossier = answer.json()
    assert dossier["code"] == "H42.14464-20260609-0000001"
    assert dossier["status"]["slug"] == "submitted"
    assert dossier["submitted_at"] == "2026-06-09T08:00:00.000+07:00"
    assert dossier["can"] == ["withdraw"]
    assert await lan.dossier(dossier["code"]) == dossier
    (event,) = await told(country.portal, lan.sandbox.id, dossier["code"])
    assert event["type"] == law.DOSSIER_SUBMITTED
    assert event["note"] == "Xin hai bản"
    assert event["authority"] == {"province": PROVINCE, "commune": COMMUNE}
    assert await count(country, lan.sandbox, "queue") == 1


async def test_codes_count_per_agency_and_day(country: Country, lan: Citizen) -> None:
    first, second = await lan.submitted(), await lan.submitted()
    elsewhere = await lan.submitted(commune=None, procedure=BY_PROVINCE)
    assert (first[-1], second[-1], elsewhere) == ("1", "2", "H42-20260609-0000001")


NOT_FITTING: list[tuple[Any, list[str]]] = [
    ({}, ["/procedure", "/authority"]),
    ([], [""]),
    ("text", [""]),
    (None, [""]),
    (submission(procedure=2000635), ["/procedure"]),
    (submission(procedure="khai-sinh"), ["/procedure"]),
    (submission(province="1"), ["/authority/province"]),
    (submission(commune="144"), ["/authority/commune"]),
    (submission(province=None, commune=14464), ["/authority/province", "/authority/commune"]),
    (submission(authority="37"), ["/authority"]),
    (submission(authority={"province": PROVINCE, "commune": COMMUNE, "xã": 1}), ["/authority/xã"]),
    (submission(note="a" * 2001), ["/note"]),
    (submission(note=["a"]), ["/note"]),
    (submission(fee=8000), ["/fee"]),
    (submission(**{"a/b~c": 1}), ["/a~1b~0c"]),
]


@pytest.mark.parametrize(("body", "where"), NOT_FITTING, ids=lambda value: json.dumps(value)[:60])
async def test_a_body_that_does_not_fit_gets_a_pointer_per_error(lan: Citizen, body: Any, where: list[str]) -> None:
    content = json.dumps(body).encode()
    answer = await lan.ask("POST", "/dossiers", content=content, headers={"Content-Type": "application/json"})
    assert pointers(answer) == where


async def test_broken_json_is_refused_at_its_root(lan: Citizen) -> None:
    json_type = {"Content-Type": "application/json"}
    assert pointers(await lan.ask("POST", "/dossiers", content=b'{"procedure": ', headers=json_type)) == [""]
    assert pointers(await lan.ask("POST", "/dossiers", headers=json_type)) == [""]
    for content, why in (
        (b'{"note": "\xff"}', "is not UTF-8 at byte 10"),
        (gzip.compress(b"{}"), "is compressed with gzip"),
        (b"[" * 100_000, "is nested too deep"),
        (b'{"a":' * 10_000, "is nested too deep"),
        (b'{"note": ' + b"9" * 5000 + b"}", "contains a number with too many digits"),
    ):
        answer = await lan.ask("POST", "/dossiers", content=content, headers=json_type)
        (error,) = problem(answer, 422, "body-does-not-fit")["errors"]
        assert error["pointer"] == "" and error["detail"].startswith(why)


async def test_a_wrong_content_type_is_refused(lan: Citizen) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/octet-stream"):
        answer = await lan.ask("POST", "/dossiers", submission(), headers={"Content-Type": kind})
        assert pointers(answer) == [""], kind


async def test_a_huge_body_is_refused_whether_or_not_it_says_how_long_it_is(lan: Citizen) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"a" * 65_536

    json_type = {"Content-Type": "application/json"}
    announced = await lan.ask("POST", "/dossiers", submission(note="a" * (1 << 20)))
    problem(announced, 413, "body-too-large")
    chunked = await lan.ask("POST", "/dossiers", content=in_chunks(), headers=json_type)
    problem(chunked, 413, "body-too-large")


@pytest.mark.parametrize(
    ("change", "status", "slug", "facts"),
    [
        ({"procedure": "9.999999"}, 404, "procedure-not-found", {"procedure": "9.999999"}),
        ({"province": "99"}, 404, "province-not-found", {"province": "99"}),
        ({"commune": "99999"}, 404, "commune-not-found", {"commune": "99999"}),
        ({"procedure": NOT_OFFERED}, 409, "procedure-not-offered", {"procedure": NOT_OFFERED}),
        ({"province": "01"}, 409, "commune-outside-authority", {"commune_province": PROVINCE, "province": "01"}),
        ({"commune": None}, 409, "commune-outside-authority", {"commune": None, "level": "commune"}),
        ({"procedure": BY_PROVINCE}, 409, "commune-outside-authority", {"commune": COMMUNE, "level": "province"}),
    ],
    ids=[
        "unknown procedure",
        "unknown province",
        "unknown commune",
        "procedure not offered",
        "commune of another province",
        "no commune where one handles it",
        "a commune where the province handles it",
    ],
)
async def test_a_choice_that_the_law_does_not_allow_is_refused(
    country: Country, lan: Citizen, change: dict[str, Any], status: int, slug: str, facts: dict[str, Any]
) -> None:
    refused = problem(await lan.submit(**change), status, slug)
    assert {name: refused[name] for name in facts} == facts
    assert await count(country, lan.sandbox) == 0


async def test_a_level_1_person_cannot_use_a_full_online_procedure(sandbox: Sandbox) -> None:
    hoa = await sandbox.sign_in("hoa")
    refused = problem(await hoa.submit(), 403, "identity-level-too-low")
    assert refused["law"].startswith("ND 69/2024")
    assert (refused["level"], refused["needed"]) == (1, 2)
    assert (await hoa.submit(procedure=LEVEL_1)).status_code == 201


async def test_an_idempotency_key_is_needed_and_must_be_plain(lan: Citizen) -> None:
    assert pointers(await lan.submit(key="")) == ["/header/idempotency-key"]
    for key in ("with space", "a" * 201):
        assert pointers(await lan.submit(key=key)) == ["/header/idempotency-key"]


async def test_the_same_key_gives_the_same_reply_and_one_dossier(country: Country, lan: Citizen) -> None:
    first, again = await lan.submit(key="k1"), await lan.submit(key="k1")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert await count(country, lan.sandbox) == 1


async def test_the_same_key_at_the_same_moment_makes_one_dossier(country: Country, lan: Citizen) -> None:
    answers = await asyncio.gather(*(lan.submit(key="k1") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await count(country, lan.sandbox) == 1
    assert len(await told(country.portal, lan.sandbox.id, answers[0].json()["code"])) == 1


async def test_the_same_key_with_another_body_is_refused(country: Country, lan: Citizen) -> None:
    await lan.submitted(key="k1")
    problem(await lan.submit(key="k1", note="anders"), 409, "idempotency-key-reused")
    assert await count(country, lan.sandbox) == 1


async def test_a_key_belongs_to_its_caller_its_door_and_its_sandbox(country: Country, lan: Citizen) -> None:
    code = await lan.submitted(key="k1")
    minh = await lan.sandbox.sign_in("minh")
    assert await minh.submitted(key="k1") != code
    withdrawal = await lan.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": "Đổi ý"}, key="k1")
    assert withdrawal.status_code == 202
    neighbour = await (await country.sandbox(seed="seed-1")).sign_in("lan")
    assert (await neighbour.submit(key="k1", note="khác")).status_code == 201


async def test_a_refused_request_leaves_its_key_free(lan: Citizen) -> None:
    problem(await lan.submit(key="k1", commune="99999"), 404, "commune-not-found")
    assert (await lan.submit(key="k1")).status_code == 201


async def test_a_key_does_not_outlive_the_token(lan: Citizen) -> None:
    await lan.submitted(key="k1")
    await lan.sandbox.move(hours=2)
    problem(await lan.submit(key="k1"), 401, "token-expired")


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "a\udfffb"], ids=["NUL", "high surrogate", "low surrogate"])
async def test_text_that_cannot_be_kept_is_refused_where_it_stands(country: Country, lan: Citizen, text: str) -> None:
    assert pointers(await lan.submit(note=text)) == ["/note"]
    assert pointers(await lan.submit(procedure=text)) == ["/procedure"]
    assert pointers(await lan.submit(province=text)) == ["/authority/province"]
    assert pointers(await lan.submit(commune=text)) == ["/authority/commune"]
    assert len(pointers(await lan.submit(**{text: 1}))) == 1
    code = await lan.submitted()
    withdrawal = await lan.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": text})
    assert pointers(withdrawal) == ["/reason"]


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "\u00a0\u2060"], ids=ascii)
async def test_a_reason_that_shows_nothing_is_refused_with_what_to_do(lan: Citizen, text: str) -> None:
    code = await lan.submitted()
    answer = await lan.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": text})
    (error,) = problem(answer, 422, "body-does-not-fit")["errors"]
    assert error["pointer"] == "/reason" and "write at least one letter, digit or sign" in error["detail"]


async def test_vietnamese_in_nfd_is_kept_as_nfc(country: Country, lan: Citizen) -> None:
    kept = "Đề nghị cấp hai bản, gửi về xã Gia Viễn"
    code = await lan.submitted(note=unicodedata.normalize("NFD", kept))
    assert (await lan.dossier(code))["note"] == kept
    assert (await told(country.portal, lan.sandbox.id, code))[0]["note"] == kept


async def test_one_citizen_sees_nothing_of_another(country: Country, lan: Citizen) -> None:
    code, minh = await lan.submitted(), await lan.sandbox.sign_in("minh")
    assert (await minh.ask("GET", "/dossiers")).json() == []
    for method, path, body in (
        ("GET", f"/dossiers/{code}", None),
        ("POST", f"/dossiers/{code}/withdrawal", {"reason": "x"}),
        ("POST", f"/dossiers/{code}/payments", {"amount_dong": 8000}),
    ):
        problem(await minh.ask(method, path, body), 404, "dossier-not-found")
    assert [dossier["code"] for dossier in (await lan.ask("GET", "/dossiers")).json()] == [code]


async def test_the_newest_comes_first_whatever_its_code(country: Country, lan: Citizen) -> None:
    commune = (await lan.ask("GET", "/provinces/01/communes")).json()[0]["code"]
    codes = [await lan.submitted()]
    for place in ({"province": "01", "commune": commune}, {}, {"province": "01", "commune": commune}):
        await lan.sandbox.move(milliseconds=500)
        codes.append(await lan.submitted(**place))
    shown = (await lan.ask("GET", "/dossiers")).json()
    assert [dossier["code"] for dossier in shown] == codes[::-1] != sorted(codes, reverse=True)
    assert (await lan.ask("GET", "/dossiers", params={"page_size": 1})).json() == shown[:1]


async def test_a_list_is_read_from_its_index_and_never_sorted(country: Country) -> None:
    for runtime, condition in ((country.portal, "applicant"), (country.gateway, "province")):
        async with runtime.database.transaction() as connection:
            await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
            asked = runtime.documents.list_sql(f"{condition} = $2", 100)
            plan = await connection.fetch("EXPLAIN " + asked.replace("$1", "'s'").replace("$2", "'x'"))
            text = "\n".join(row[0] for row in plan)
            assert "Index Scan Backward" in text and "Sort" not in text, text


@pytest.mark.parametrize(
    ("start", "procedure", "taken"),
    [
        ("2027-10-15T08:00:00+07:00", COPY, True),
        ("2027-12-10T08:00:00+07:00", COPY, False),
        ("2027-10-26T08:00:00+07:00", COPY, True),
        ("2027-10-26T08:00:00+07:00", FREE, False),
        ("2028-01-01T08:00:00+07:00", FREE, False),
        ("2024-12-31T08:00:00+07:00", FREE, False),
    ],
)
async def test_what_no_officer_could_end_is_not_taken(
    country: Country, start: str, procedure: str, taken: bool
) -> None:
    lan = await (await country.sandbox(start=start)).sign_in("lan")
    answer = await lan.submit(procedure=procedure, key="k1")
    if taken:
        assert answer.status_code == 201, answer.text
    else:
        assert problem(answer, 409, "calendar-too-short")["last"] == "2027-12-31"
        assert await count(country, lan.sandbox) == 0


async def test_a_second_withdrawal_waits_for_the_first_answer(lan: Citizen) -> None:
    code = await lan.submitted(procedure=FREE)
    asked = await lan.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": "Đổi ý"})
    assert (asked.status_code, asked.json()["withdrawal"], asked.json()["can"]) == (202, "asked", [])
    again = await lan.ask("POST", f"/dossiers/{code}/withdrawal", {"reason": "Thật đấy"})
    problem(again, 409, "withdrawal-already-asked")


async def test_a_submission_takes_two_statements(country: Country, lan: Citizen) -> None:
    await lan.submitted()  # everything that is prepared once is prepared
    seen: list[str] = []
    async with country.portal.database.pool.acquire() as probe:
        others = [
            await country.portal.database.pool.acquire() for _ in range(country.portal.database.pool.get_idle_size())
        ]
        connections = [probe, *others]
        for connection in connections:
            connection.add_query_logger(lambda record: seen.append(record.query))
        for connection in others:
            await country.portal.database.pool.release(connection)
    await lan.submitted()
    first = next(n for n, sql in enumerate(seen) if "FROM replies" in sql)  # the sweep may have looked in between
    saved = next(sql for sql in seen[first + 1 :] if "INSERT INTO" in sql)
    assert "INSERT INTO events" in saved and "INSERT INTO counters" in saved and "INSERT INTO replies" in saved
    assert "BEGIN;" not in seen and "COMMIT;" not in seen
    assert submission()["procedure"] == COPY


async def test_what_was_taken_is_answered_alike_though_it_would_be_refused_today(country: Country) -> None:
    sandbox = await country.sandbox(start="2026-06-29T08:00:00+07:00")
    lan = await sandbox.sign_in("lan")
    first = await lan.submit(key="once", procedure="2.002621")
    assert first.status_code == 201
    await sandbox.move(days=3)  # past 1 July, when it ceased
    lan = await sandbox.sign_in("lan")
    problem(await lan.submit(procedure="2.002621"), 409, "procedure-withdrawn")
    again = await lan.submit(key="once", procedure="2.002621")
    assert (again.status_code, again.json()["code"]) == (201, first.json()["code"])
    problem(await lan.submit(key="once", procedure="2.002621", note="khác"), 409, "idempotency-key-reused")
