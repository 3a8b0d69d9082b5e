"""The token endpoint: tokens for a code (RFC 6749 sections 4.1.3 and 5, RFC 7636 section 4.5)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Security
from fastapi.openapi.models import HTTPBase
from fastapi.responses import JSONResponse

from services.identity_mock import clients, faults, parameters, store, tokens
from services.identity_mock.parameters import FormNotReadable
from services.identity_mock.people import Person, people
from services.identity_mock.problems import NO_STORE, ClientUnknown, GrantRefused
from services.identity_mock.realm import Realm, RealmDep
from services.identity_mock.register import represented_by
from services.identity_mock.store import Grant
from shared.runtime import in_sandbox
from shared.sandbox import journal
from shared.sandbox.faults import Rule
from shared.sandbox.registry import Sandbox
from shared.sandbox.validity import Validity, now_by
from shared.storage.database import Connection
from shared.web.dependencies import Credential
from shared.web.problems import problem_responses

NEEDED = ("grant_type", "code", "redirect_uri", "code_verifier")
PARAMETERS = (*NEEDED, "client_id")
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1
OAUTH_ERROR = {
    "type": "object",
    "required": ["error", "error_description"],
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
}
TOKENS = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in", "scope", "id_token"],
    "properties": {
        "access_token": {"type": "string"},
        "token_type": {"type": "string", "const": "Bearer"},
        "expires_in": {"type": "integer", "description": "seconds"},
        "scope": {"type": "string"},
        "id_token": {"type": "string"},
    },
}
CLIENT = Credential(
    "Client",
    "Authorization",
    HTTPBase(
        scheme="basic", description="Optional: the client id by HTTP Basic, with any secret (RFC 6749 section 2.3.1)."
    ),
)
router = APIRouter(tags=["openid connect"])


def _refusal(description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": OAUTH_ERROR}, **problem_responses(400)[400]["content"]}
    return {"description": description, "content": content}


@router.post(
    "/token",
    summary="Exchange a code for tokens",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                parameters.FORM: {
                    "schema": {
                        "type": "object",
                        "required": NEEDED,
                        "properties": {name: {"type": "string"} for name in PARAMETERS},
                    }
                }
            },
        }
    },
    responses={
        200: {"content": {"application/json": {"schema": TOKENS}}},
        400: _refusal("`error` and `error_description` (RFC 6749 section 5.2)"),
        401: _refusal("`error` is `invalid_client` (RFC 6749 section 5.2); or the problem `api-key-unknown`"),
        **problem_responses(403, 404, 503),
    },
)
async def token(
    realm: RealmDep, request: Request, authorization: Annotated[str | None, Security(CLIENT)] = None
) -> JSONResponse:
    """The client names itself by HTTP Basic or by `client_id` in the form. The first request of a known client with a code
    uses it up, even if the request fails; a second one revokes the tokens of the first (RFC 6749 section 4.1.2)."""
    form = await _form_of(request)
    client = clients.client_of(authorization, form)
    try:
        realm = await realm.of_client(client)
    except ClientUnknown as error:
        raise GrantRefused("invalid_client", error.detail) from error
    refusal = _refusal_of(form)
    token_id, token_fault, is_rotated = secrets.token_urlsafe(16), None, False
    async with in_sandbox(realm.runtime, realm.sandbox.id) as (connection, sandbox):
        grant = await store.take_code(connection, sandbox.id, form.get("code", ""))
        person = people(sandbox)[grant.hint] if grant else None
        fault = "" if refusal else _fault_of(grant, client, form, sandbox.now)
        if grant and person:
            if grant.uses > 1:
                await _note_replay(connection, sandbox, grant, person)
            fault = fault or await faults.code_denial(connection, sandbox, person)
        if person and not (refusal or fault):
            token_fault = await faults.token_fault(connection, sandbox, person)
            is_rotated = await faults.signs_with_next_key(connection, sandbox, person)
            await store.keep_token(connection, sandbox.id, form["code"], token_id)
            texts = f"Cấp token cho {person.name}", f"Tokens given to {person.name}"
            await journal.note(connection, sandbox.id, person.id, sandbox.now, "tokens_given", *texts, client=client)
    if refusal:
        raise refusal
    if grant is None or person is None or fault:
        raise GrantRefused("invalid_grant", fault)
    body = await _tokens(realm, sandbox, grant, person, token_id, token_fault, is_rotated=is_rotated)
    return JSONResponse(body, headers=NO_STORE)


async def _form_of(request: Request) -> dict[str, str]:
    try:
        sent = await parameters.form_of(request)
    except FormNotReadable as refused:
        raise GrantRefused("invalid_request", refused.detail) from refused
    if not sent.is_valid:
        raise GrantRefused("invalid_request", parameters.ONCE)
    return sent.values


def _refusal_of(form: Mapping[str, str]) -> GrantRefused | None:
    """What is wrong with the request, whatever its code; None if nothing is."""
    try:
        _check(form)
    except GrantRefused as refusal:
        return refusal
    return None


def _check(form: Mapping[str, str]) -> None:
    if form.get("grant_type", "authorization_code") != "authorization_code":
        raise GrantRefused("unsupported_grant_type", "Only grant_type=authorization_code is supported.")
    missing = [name for name in NEEDED if name not in form]
    if missing:
        raise GrantRefused("invalid_request", f"Send {', '.join(missing)} too.")
    if not VERIFIER.fullmatch(form["code_verifier"]):
        raise GrantRefused("invalid_request", "A code_verifier has 43 to 128 letters, digits, '-', '.', '_' or '~'.")


def _fault_of(grant: Grant | None, client: str, form: Mapping[str, str], now: datetime) -> str:
    """Why a code is refused (RFC 6749 section 5.2, RFC 7636 section 4.6); empty if it is accepted."""
    if grant is None:
        return "This sandbox has no such code: it was never issued here, or long ago. Sign in again."
    if grant.uses > 1:
        return "The code was used before; tokens that it gave are revoked. Sign in again."
    if grant.expires_at <= now:
        return "The code has expired in sandbox time. Sign in again."
    if grant.client_id != client or grant.redirect_uri != form["redirect_uri"]:
        return "The code was issued for another client_id or redirect_uri. Sign in again; send the same values as to authorize."
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not hmac.compare_digest(challenge, grant.code_challenge):
        return "The code_verifier does not match the code_challenge. Sign in again."
    return ""


async def _note_replay(connection: Connection, sandbox: Sandbox, grant: Grant, person: Person) -> None:
    """The journal line of the request that revokes a token; later ones change nothing."""
    if grant.token_id and grant.uses == 2:
        texts = (
            f"Thu hồi token của {person.name}: mã đăng nhập bị dùng lại",
            f"Tokens of {person.name} revoked: the code was used again",
        )
        await journal.note(connection, sandbox.id, person.id, sandbox.now, "tokens_revoked", *texts)


async def _tokens(
    realm: Realm,
    sandbox: Sandbox,
    grant: Grant,
    person: Person,
    token_id: str,
    token_fault: Rule | None,
    *,
    is_rotated: bool,
) -> dict[str, Any]:
    """The response of RFC 6749 section 5.1, with the id_token."""
    runtime, times = realm.runtime, clients.token_times(grant.client_id)
    lifetime = runtime.identity.token_lifetime
    key = await runtime.next_key() if is_rotated else runtime.key
    about: dict[str, Any] = {
        "issuer": realm.issuer,
        "sandbox_id": sandbox.id,
        "client_id": grant.client_id,
        "valid": Validity.of(times, sandbox.now, lifetime),
    }
    represents = represented_by(sandbox, person)
    issued = {
        "access": tokens.access_token(
            key, person, token_id=token_id, scope=grant.scope, represents=represents, **about
        ),
        "id": tokens.id_token(key, person, nonce=grant.nonce, signed_in_at=grant.signed_in_at, **about),
    }
    if token_fault is not None:
        unknown, now = await runtime.unknown_key(), now_by(times, sandbox.now)
        issued = {kind: faults.spoil(token_fault, kind, text, key, unknown, now) for kind, text in issued.items()}
    return {
        "access_token": issued["access"],
        "token_type": "Bearer",
        "expires_in": int(lifetime.total_seconds()),
        "scope": grant.scope,
        "id_token": issued["id"],
    }
