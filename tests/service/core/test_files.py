"""Files: stored once per content, fetched by signed addresses that expire, and deleted with their sandbox."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import MetaData

from shared.runtime import Runtime, in_sandbox
from shared.sandbox import files, validity
from shared.sandbox.files import Address, AddressExpired, AddressNotValid, File, FileNotFound, Files
from shared.sandbox.registry import sandboxes_table
from shared.sandbox.validity import Times, Validity
from shared.settings import Settings
from shared.web import file_response
from tests.service.frozen import START, FrozenSandbox
from tests.support.country import ADDRESSES
from tests.support.databases import Databases

TEXT = "Bản sao, hư cấu".encode()
HASH = hashlib.sha256(TEXT).hexdigest()
LIFETIME = timedelta(minutes=15)


class Store(Runtime):
    """A service that has nothing but files."""

    def __init__(self, database_url: str) -> None:
        metadata = MetaData()
        super().__init__("store", Settings(**ADDRESSES), database_url, metadata)
        sandboxes_table(metadata)
        files.files_tables(metadata)
        self.first_rows = files.FIRST_ROWS
        self.files = Files(self.database, "http://store.test/", LIFETIME)

    async def put(self, sandbox_id: str, content: bytes = TEXT, media_type: str = "text/plain") -> str:
        async with in_sandbox(self, sandbox_id) as (connection, sandbox):
            return await self.files.put(connection, sandbox, content, media_type)

    async def address(self, sandbox_id: str, name: str = "a.txt", times: Times = "sandbox") -> Address:
        return await self.files.address(await self.sandbox(sandbox_id), HASH, name, times)

    async def fetch(self, address: Address, **change: str) -> File:
        """Fetch as the endpoint does, with parts of the address changed."""
        parts = {**taken_apart(address), **change}
        sandbox, end = await self.sandbox(parts["sandbox"]), parts.get("sandbox_expires")
        valid = Validity(0, int(parts["expires"]), int(end) if end else None)
        return await self.files.fetch(sandbox, parts["sha256"], parts["name"], valid, parts["signature"])


def taken_apart(address: Address) -> dict[str, str]:
    parts = urlsplit(address.url)
    _, _, _, _, sandbox, sha256 = parts.path.split("/")
    return {"sandbox": sandbox, "sha256": sha256, **{name: values[0] for name, values in parse_qs(parts.query).items()}}


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url)
    async with store.opened():
        await store.when_ready()
        yield store


@pytest.fixture(scope="module")
async def store(database_url: Databases) -> AsyncIterator[Store]:
    async with opened(database_url()) as store:
        yield store


@pytest.fixture
async def here(store: Store) -> FrozenSandbox:
    return await FrozenSandbox(store).tell()


async def test_the_same_content_twice_is_one_row(store: Store, here: FrozenSandbox) -> None:
    assert await store.put(here.id) == HASH
    await here.advance(timedelta(days=1))
    assert await store.put(here.id, media_type="text/other") == HASH
    rows = await store.database.fetch("SELECT * FROM files WHERE sandbox = $1", here.id)
    assert [dict(row) for row in rows] == [
        {
            "sandbox": here.id,
            "sha256": HASH,
            "media_type": "text/plain",
            "size": len(TEXT),
            "content": TEXT,
            "stored_at": START,
        }
    ]


async def test_the_same_content_put_at_once_is_one_row(store: Store, here: FrozenSandbox) -> None:
    assert set(await asyncio.gather(*(store.put(here.id) for _ in range(8)))) == {HASH}
    assert len(await store.database.fetch("SELECT FROM files WHERE sandbox = $1", here.id)) == 1


async def test_an_address_leads_to_the_file_until_it_expires(store: Store, here: FrozenSandbox) -> None:
    await store.put(here.id)
    address = await store.address(here.id)
    assert address.url.startswith(f"http://store.test/api/v1/files/{here.id}/{HASH}?name=a.txt&expires=")
    assert address.expires_at == START + LIFETIME
    assert await store.fetch(address) == File(HASH, "text/plain", TEXT)
    await here.advance(LIFETIME - timedelta(seconds=1))
    assert (await store.fetch(address)).content == TEXT
    await here.advance(timedelta(seconds=1))
    with pytest.raises(AddressExpired) as refused:
        await store.fetch(address)
    assert refused.value.facts["now"] == (START + LIFETIME).isoformat()


async def test_an_address_for_a_foreign_program_ends_by_either_clock(
    store: Store, here: FrozenSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.put(here.id)
    address = await store.address(here.id, times="real")
    with pytest.raises(AddressNotValid):
        await store.fetch(address, sandbox_expires="9999999999")
    assert (await store.fetch(address)).content == TEXT
    with monkeypatch.context() as later, pytest.raises(AddressExpired):
        later.setattr(validity, "real_now", lambda: address.expires_at)
        await store.fetch(address)
    await here.advance(LIFETIME)
    with pytest.raises(AddressExpired):
        await store.fetch(address)


@pytest.mark.parametrize("name", ["Giấy khai sinh (2).pdf", "a&name=b.pdf", "a b+c%20.pdf", "a\nb.pdf", "#?.pdf"])
async def test_any_name_comes_through_an_address_whole(store: Store, here: FrozenSandbox, name: str) -> None:
    await store.put(here.id)
    address = await store.address(here.id, name)
    assert taken_apart(address)["name"] == name
    assert (await store.fetch(address)).sha256 == HASH


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "0" * 64},
        {"name": "b.txt"},
        {"expires": "9999999999"},
        {"expires": "-1"},
        {"sandbox_expires": "9999999999"},
        {"signature": ""},
        {"signature": "0" * 64},
        {"signature": "không"},
    ],
    ids=str,
)
async def test_a_changed_address_is_not_valid(store: Store, here: FrozenSandbox, change: dict[str, str]) -> None:
    await store.put(here.id)
    with pytest.raises(AddressNotValid):
        await store.fetch(await store.address(here.id), **change)


async def test_an_address_is_not_valid_in_another_sandbox(store: Store, here: FrozenSandbox) -> None:
    other = await FrozenSandbox(store).tell()
    for sandbox in (here, other):
        await store.put(sandbox.id)
    with pytest.raises(AddressNotValid):
        await store.fetch(await store.address(here.id), sandbox=other.id)


async def test_a_changed_address_is_not_valid_even_when_it_expired(store: Store, here: FrozenSandbox) -> None:
    """A caller who did not get the address from us learns nothing about it."""
    address = await store.address(here.id)
    await here.advance(LIFETIME)
    with pytest.raises(AddressNotValid):
        await store.fetch(address, name="b.txt")


async def test_a_file_that_is_gone_is_not_found(store: Store, here: FrozenSandbox) -> None:
    with pytest.raises(FileNotFound):
        await store.fetch(await store.address(here.id))


async def test_the_key_outlives_the_process_and_belongs_to_one_database(database_url: Databases) -> None:
    url = database_url()
    async with opened(url) as first:
        here = await FrozenSandbox(first).tell()
        await first.put(here.id)
        address = await first.address(here.id)
        (key,) = await first.database.fetch("SELECT key FROM address_keys")
        assert len(key["key"]) == 32
    async with opened(url) as again:
        assert (await again.fetch(address)).content == TEXT
    async with opened(database_url()) as other:
        (another,) = await other.database.fetch("SELECT key FROM address_keys")
        assert another["key"] != key["key"]


async def test_the_files_of_a_deleted_sandbox_are_swept(store: Store, here: FrozenSandbox) -> None:
    other = await FrozenSandbox(store).tell()
    for sandbox in (here, other):
        await store.put(sandbox.id)
        await store.put(sandbox.id, b"another")
    await here.tell(deleted=True)
    sweep = asyncio.create_task(store.sweep())
    async with asyncio.timeout(10):
        while not await store.database.fetch("SELECT FROM sandboxes WHERE id = $1 AND swept", here.id):
            pass
    sweep.cancel()
    left = await store.database.fetch("SELECT sandbox FROM files WHERE sandbox = ANY($1)", [here.id, other.id])
    assert [row["sandbox"] for row in left] == [other.id] * 2


# --- the response ---
def test_an_answer_says_what_the_file_is_and_that_it_is_to_be_saved() -> None:
    answer = file_response.response(File(HASH, "application/pdf", TEXT), "Giấy đăng ký.pdf", {})
    assert (answer.status_code, answer.body) == (200, TEXT)
    assert dict(answer.headers) == {
        "content-type": "application/pdf",
        "content-length": str(len(TEXT)),
        "content-disposition": 'attachment; filename="Giay dang ky.pdf"; '
        "filename*=UTF-8''Gi%E1%BA%A5y%20%C4%91%C4%83ng%20k%C3%BD.pdf",
        "x-content-type-options": "nosniff",
        "etag": f'"{HASH}"',
        "cache-control": "private, no-cache",
        "repr-digest": f"sha-256=:{base64.b64encode(bytes.fromhex(HASH)).decode()}:",
    }


@pytest.mark.parametrize("name", ['a"; filename="b.exe', "a\r\nSet-Cookie: b=c.pdf", "a\\.pdf", "a%22.pdf"])
def test_no_name_breaks_out_of_its_header(name: str) -> None:
    header = file_response.response(File(HASH, "application/pdf", TEXT), name, {}).headers["content-disposition"]
    plain, whole = header.removeprefix('attachment; filename="').split("\"; filename*=UTF-8''")
    for part in (plain, whole):
        assert not set('"\\\r\n;') & set(part), header


@pytest.mark.parametrize("asked", [f'"{HASH}"', f'"other", W/"{HASH}"', "*"])
def test_a_client_with_the_same_file_gets_304_without_a_body(asked: str) -> None:
    answer = file_response.response(File(HASH, "text/plain", TEXT), "a.txt", {"if-none-match": asked})
    assert (answer.status_code, answer.body, answer.headers["etag"]) == (304, b"", f'"{HASH}"')
    assert "content-length" not in answer.headers


def test_a_client_with_another_file_gets_this_one() -> None:
    answer = file_response.response(File(HASH, "text/plain", TEXT), "a.txt", {"if-none-match": '"other"'})
    assert (answer.status_code, answer.body) == (200, TEXT)
