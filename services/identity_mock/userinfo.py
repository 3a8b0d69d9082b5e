"""The userinfo endpoint: who the person of an access token is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Security

from contracts.identity import NUMBER_CLAIM
from services.identity_mock import faults, store, tokens
from services.identity_mock.people import people
from services.identity_mock.realm import Realm, RealmDep
from services.identity_mock.register import represented_by
from services.identity_mock.tokens import AccessToken, TokenRefused
from shared.web.dependencies import ACCESS_TOKEN
from shared.web.problems import problem_responses

router = APIRouter(tags=["openid connect"])


@router.get("/userinfo", summary="The person of an access token", responses=problem_responses(401, 403, 404, 503))
@router.post(
    "/userinfo",
    summary="The person of an access token (some clients send POST, without a body)",
    responses=problem_responses(401, 403, 404, 503),
)
async def userinfo(
    realm: RealmDep, authorization: Annotated[str | None, Security(ACCESS_TOKEN)] = None
) -> dict[str, Any]:
    """OpenID Connect Core 1.0 section 5.3, with the claims of the national sign-on (facts: integration.md 3.1)."""
    try:
        token = _token_of(realm, authorization or "")
    except TokenRefused:
        await realm.serving()
        raise
    realm = await (await realm.in_sandbox(token.sandbox)).serving()
    sandbox = realm.sandbox
    if fault := token.valid.fault(sandbox.now):
        raise TokenRefused(f"The access token {fault}; sign in again.")
    if await store.is_revoked(realm.runtime.database, sandbox.id, token.id):
        raise TokenRefused("The access token is revoked, because its code was used twice; sign in again.")
    person = next(person for person in people(sandbox).values() if person.id == token.subject)
    await faults.require_unlocked(realm.runtime, sandbox.id, person)
    return {
        "sub": person.id,
        "LoaiTaiKhoan": "1",  # a person; "2" is an organisation
        NUMBER_CLAIM: person.number,
        "HoVaTen": person.name,
        "NgayThangNamSinh": person.born_on.strftime("%Y%m%d"),
        "TechID": person.tech_id,
        "loAs": person.level,
        "represents": represented_by(sandbox, person),
        "synthetic": person.synthetic,
        "unverified": [
            "loAs",
            "represents",
        ],  # our assumptions: these two numbers, and the claim `represents`
    }


def _token_of(realm: Realm, authorization: str) -> AccessToken:
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise TokenRefused("Send the header Authorization: Bearer, with the access token.")
    return tokens.read_access_token(realm.runtime.keys, credential.strip(), issuer=realm.issuer)
