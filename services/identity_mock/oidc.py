"""The endpoints of OpenID Connect, in the order of the flow: discovery, keys, authorize, token, userinfo.

Every sandbox is a separate issuer: the default sandbox at `/`, all others at `/s/ID`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from contracts.identity import NUMBER_CLAIM
from contracts.people import STANDING
from services.identity_mock import faults, login_page, store, tokens
from services.identity_mock.people import people
from services.identity_mock.problems import NO_STORE, ClientUnknown, GrantRefused, RedirectNotAllowed
from services.identity_mock.register import represented_by
from services.identity_mock.runtime import IdentityRuntime
from services.identity_mock.store import CLIENT, OWN_CLIENT, Grant
from services.identity_mock.tokens import TokenRefused
from shared.errors import SandboxMismatch, SandboxNotFound
from shared.runtime import in_sandbox, known_sandbox
from shared.sandbox import journal
from shared.sandbox.names import DEFAULT, IDS
from shared.sandbox.registry import Sandbox
from shared.web.dependencies import Chosen, runtime_of
from shared.web.guard import Pages
from shared.web.html_page import HtmlPage
from shared.web.problems import problem_responses

SCOPES = ("openid", "profile")
CLAIMS = ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "name", "level", "sandbox", "represents")
AUTHORIZE_PARAMETERS = {
    "response_type": "`code`",
    "client_id": f"`{CLIENT}`, or the client of one sandbox: `{OWN_CLIENT}ID`",
    "redirect_uri": "any http address on 127.0.0.1 or localhost",
    "scope": "`openid`, also with `profile`",
    "state": "returned unchanged",
    "nonce": "returned in the id_token",
    "code_challenge": "BASE64URL(SHA256(code_verifier)), 43 characters",
    "code_challenge_method": "`S256`",
    "login_hint": f"who signs in: {', '.join(STANDING)}, or an own persona of the sandbox; without it the user chooses on a page",
    "prompt": "`none`: never show the page",
}
TOKEN_PARAMETERS = ("grant_type", "code", "redirect_uri", "client_id", "code_verifier")
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
router = APIRouter(tags=["openid connect"])
ISSUER_PATH = rf"(?:/s/{IDS.pattern})?"
PAGES = Pages(  # a browser application reads the first by script, and may post a form to the second (Core 3.1.2.1)
    scripts=re.compile(rf"{ISSUER_PATH}/(?:token|userinfo|jwks|\.well-known/openid-configuration)"),
    forms=re.compile(rf"{ISSUER_PATH}/authorize"),
)


@dataclass(frozen=True)
class Realm:
    """One issuer: a sandbox with its current time."""

    runtime: IdentityRuntime
    sandbox: Sandbox

    @property
    def issuer(self) -> str:
        base = self.runtime.identity.identity_url
        return base if self.sandbox.id == DEFAULT else f"{base}/s/{self.sandbox.id}"

    async def of_client(self, client: str) -> Realm:
        """The realm in which a client signs people in: this one. At the default issuer, the client of one sandbox gets
        the realm of that sandbox.

        raises  ClientUnknown, ProviderDown
        """
        owner = store.owner_of(client)
        if client == CLIENT or owner == self.sandbox.id:
            return await self.serving()
        if not owner or self.sandbox.id != DEFAULT:
            raise ClientUnknown(
                f"Send client_id={CLIENT}, or the client of this sandbox, {OWN_CLIENT}{self.sandbox.id}."
            )
        try:
            realm = Realm(self.runtime, await known_sandbox(self.runtime, owner))
        except SandboxNotFound as error:
            raise ClientUnknown(f"The sandbox of this client does not exist. {error.detail}") from error
        return await realm.serving()

    async def serving(self) -> Realm:
        """This realm; raises ProviderDown if a fault rule takes the provider out of service."""
        await faults.require_provider(self.runtime, self.sandbox.id)
        return self


async def realm(request: Request, chosen: Chosen) -> Realm:
    runtime = cast(IdentityRuntime, runtime_of(request))
    sandbox_id = request.path_params.get("sandbox", DEFAULT)
    if chosen not in (None, sandbox_id):
        others = f"{runtime.identity.identity_url}/s/ID"
        detail = f"This is the issuer of sandbox '{sandbox_id}'; the issuer of another sandbox is {others}."
        raise SandboxMismatch(detail, issuer_sandbox=sandbox_id)
    return Realm(runtime, await known_sandbox(runtime, sandbox_id))


def named_sandbox(sandbox: Annotated[str, Path(description="Sandbox whose issuer this is")]) -> str:
    return sandbox


async def serving_realm(checked: Annotated[Realm, Depends(realm)]) -> Realm:
    return await checked.serving()


RealmDep = Annotated[Realm, Depends(realm)]  # the endpoint then calls `Realm.of_client`
ServingDep = Annotated[Realm, Depends(serving_realm)]


@router.get("/.well-known/openid-configuration", summary="Discovery", responses=problem_responses(403, 404, 503))
async def discovery(realm: ServingDep) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0 section 4."""
    return {
        "issuer": realm.issuer,
        "authorization_endpoint": f"{realm.issuer}/authorize",
        "token_endpoint": f"{realm.issuer}/token",
        "userinfo_endpoint": f"{realm.issuer}/userinfo",
        "jwks_uri": f"{realm.issuer}/jwks",
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [tokens.ALGORITHM],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none"],
        "request_uri_parameter_supported": False,
        "claims_supported": CLAIMS,
    }


@router.get("/jwks", summary="The public keys of the token signatures", responses=problem_responses(403, 404, 503))
async def jwks(realm: ServingDep) -> dict[str, Any]:
    """RFC 7517 section 5."""
    if faults.is_rotated(realm.sandbox):
        return tokens.public_keys(await realm.runtime.next_key())
    return tokens.public_keys(*realm.runtime.keys)


@router.get(
    "/authorize",
    summary="Sign a persona in, or show a page to choose one",
    response_class=Response,
    openapi_extra={
        "parameters": [
            {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
            for name, text in AUTHORIZE_PARAMETERS.items()
        ]
    },
    responses={
        200: {"description": "The page on which the user chooses who signs in", "content": {"text/html": {}}},
        302: {"description": "Back to the client with `code` and `state`, or with `error` (RFC 6749 section 4.1.2)"},
        **problem_responses(400, 403, 404, 503),
    },
)
async def authorize(realm: RealmDep, request: Request) -> Response:
    """OpenID Connect Core 1.0 section 3.1.2, RFC 6749 section 4.1.1, RFC 7636 section 4.3."""
    parameters = dict(request.query_params)
    client = parameters.get("client_id", "")
    realm = await realm.of_client(client)
    if not _may_return_to(parameters.get("redirect_uri", "")):
        raise RedirectNotAllowed("Send a redirect_uri such as http://127.0.0.1:8000/callback, without a fragment.")
    personas = people(realm.sandbox)
    is_repeated = len(parameters) != len(request.query_params.multi_items())
    fault = _fault_of(parameters, repeated=is_repeated, personas=personas)
    if fault is not None:
        error, description = fault
        return _return(parameters, error=error, error_description=description)
    if not parameters.get("login_hint"):
        return HtmlPage(login_page.page(list(personas.values()), parameters), headers=NO_STORE)

    person, code = personas[parameters["login_hint"]], secrets.token_urlsafe(32)
    async with in_sandbox(realm.runtime, realm.sandbox.id) as (connection, sandbox):
        denial = await faults.sign_in_denial(connection, sandbox, person)
        if not denial:
            grant = Grant(
                hint=person.hint,
                client_id=client,
                redirect_uri=parameters["redirect_uri"],
                code_challenge=parameters["code_challenge"],
                scope=parameters["scope"],
                nonce=parameters.get("nonce"),
                signed_in_at=sandbox.now,
                expires_at=sandbox.now + realm.runtime.identity.code_lifetime,
            )
            await store.keep_code(connection, sandbox, code, grant)
            texts = f"{person.name} đăng nhập mức {person.level}", f"{person.name} signed in, level {person.level}"
            await journal.note(connection, sandbox.id, person.id, sandbox.now, "signed_in", *texts, persona=person.hint)
    if denial:
        return _return(parameters, error="access_denied", error_description=denial)
    return _return(parameters, code=code)


@router.post(
    "/token",
    summary="Exchange a code for tokens",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": TOKEN_PARAMETERS,
                        "properties": {name: {"type": "string"} for name in TOKEN_PARAMETERS},
                    }
                }
            },
        }
    },
    responses={
        400: {"description": "`error` and `error_description` (RFC 6749 section 5.2)"},
        401: {"description": "`error` is `invalid_client` (RFC 6749 section 5.2)"},
        **problem_responses(403, 404, 503),
    },
)
async def token(realm: RealmDep, request: Request) -> JSONResponse:
    """RFC 6749 section 4.1.3, RFC 7636 section 4.5. The first request with a code uses it up, even if the request fails."""
    form = _form_of(request.headers.get("content-type", ""), await request.body())
    try:
        realm = await realm.of_client(form["client_id"])
    except ClientUnknown as error:
        raise GrantRefused("invalid_client", error.detail) from error
    async with in_sandbox(realm.runtime, realm.sandbox.id) as (connection, sandbox):
        grant = await store.take_code(connection, sandbox.id, form["code"])
        fault = _fault_of_grant(grant, form, sandbox.now)
        person = people(sandbox)[grant.hint] if grant else None
        token_fault, is_rotated = None, False
        if person and not fault:
            fault = await faults.code_denial(connection, sandbox, person)
        if person and not fault:
            token_fault = await faults.token_fault(connection, sandbox, person)
            is_rotated = await faults.signs_with_next_key(connection, sandbox, person)
            texts = f"Cấp token cho {person.name}", f"Tokens given to {person.name}"
            await journal.note(
                connection, sandbox.id, person.id, sandbox.now, "tokens_given", *texts, client=form["client_id"]
            )
    if grant is None or person is None or fault:
        raise GrantRefused("invalid_grant", fault)
    key = await realm.runtime.next_key() if is_rotated else realm.runtime.key
    lifetime = realm.runtime.identity.token_lifetime
    common: dict[str, Any] = {
        "issuer": realm.issuer,
        "sandbox_id": sandbox.id,
        "client_id": form["client_id"],
        "now": sandbox.now,
        "lifetime": lifetime,
    }
    issued = {
        "access": tokens.access_token(
            key, person, scope=grant.scope, represents=represented_by(realm.sandbox, person), **common
        ),
        "id": tokens.id_token(key, person, nonce=grant.nonce, signed_in_at=grant.signed_in_at, **common),
    }
    if token_fault is not None:
        unknown = await realm.runtime.unknown_key()
        issued = {
            kind: faults.spoil(token_fault, kind, token, key, unknown, sandbox.now) for kind, token in issued.items()
        }
    body = {
        "access_token": issued["access"],
        "token_type": "Bearer",
        "expires_in": int(lifetime.total_seconds()),
        "scope": grant.scope,
        "id_token": issued["id"],
    }
    return JSONResponse(body, headers=NO_STORE)


@router.get("/userinfo", summary="The person of an access token", responses=problem_responses(401, 403, 404, 503))
@router.post(
    "/userinfo",
    summary="The person of an access token (some clients send POST, without a body)",
    responses=problem_responses(401, 403, 404, 503),
)
async def userinfo(realm: ServingDep, request: Request) -> dict[str, Any]:
    """OpenID Connect Core 1.0 section 5.3, with the claims of the national sign-on (facts: integration.md 3.1)."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise TokenRefused("Send the header Authorization: Bearer, with the access token.")
    claims = tokens.read_access_token(
        realm.runtime.keys, credential.strip(), issuer=realm.issuer, sandbox_id=realm.sandbox.id, now=realm.sandbox.now
    )
    person = next(person for person in people(realm.sandbox).values() if person.id == claims["sub"])
    await faults.require_unlocked(realm.runtime, realm.sandbox.id, person)
    return {
        "sub": person.id,
        "LoaiTaiKhoan": "1",  # a person; "2" is an organisation
        NUMBER_CLAIM: person.number,
        "HoVaTen": person.name,
        "NgayThangNamSinh": person.born_on.strftime("%Y%m%d"),
        "TechID": person.tech_id,
        "loAs": person.level,
        "represents": represented_by(realm.sandbox, person),
        "synthetic": person.synthetic,
        "unverified": [
            "loAs",
            "represents",
        ],  # our assumptions: these two numbers, and the claim `represents`
    }


def _may_return_to(uri: str) -> bool:
    """RFC 8252 section 7.3: loopback addresses, any port. RFC 6749 section 3.1.2: absolute, no fragment."""
    if not uri.isascii() or not uri.isprintable() or any(character in uri for character in ' "\\#'):
        return False
    try:
        parts = urlsplit(uri)
        return (
            parts.scheme == "http"
            and "@" not in parts.netloc
            and parts.hostname in ("127.0.0.1", "localhost")
            and parts.port != 0
        )
    except ValueError:  # the port is not a number
        return False


def _fault_of(
    parameters: Mapping[str, str], *, repeated: bool, personas: Mapping[str, object]
) -> tuple[str, str] | None:
    """Error and description for the redirect to the client (RFC 6749 section 4.1.2.1, OIDC Core section 3.1.2.6).

    None if the request is valid.
    """
    if repeated or "\x00" in "".join(parameters.values()):
        return "invalid_request", "Send every parameter once, and no character NUL."
    if "response_type" not in parameters:
        return "invalid_request", "Send response_type=code."
    if parameters["response_type"] != "code":
        return "unsupported_response_type", "Only response_type=code is supported."
    if "openid" not in parameters.get("scope", "").split():
        return "invalid_scope", "Send scope=openid."
    challenge = parameters.get("code_challenge", "")
    if parameters.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge):
        return (
            "invalid_request",
            "PKCE is required: send code_challenge_method=S256 and a code_challenge of 43 characters.",
        )
    if not parameters.get("login_hint"):
        no_page = parameters.get("prompt") == "none"
        return ("login_required", "With prompt=none send login_hint too.") if no_page else None
    if parameters["login_hint"] not in personas:
        return "invalid_request", f"Nobody in this sandbox has this login_hint: send one of {', '.join(personas)}."
    return None


def _return(parameters: Mapping[str, str], **reply: str) -> RedirectResponse:
    state = {"state": parameters["state"]} if "state" in parameters else {}
    uri = parameters["redirect_uri"]
    location = f"{uri}{'&' if '?' in uri else '?'}{urlencode({**reply, **state})}"
    return RedirectResponse(location, 302, headers=NO_STORE)


def _form_of(content_type: str, body: bytes) -> dict[str, str]:
    """The parameters of a token request. Raises GrantRefused if one is missing or sent twice."""
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise GrantRefused("invalid_request", "Send a form: Content-Type application/x-www-form-urlencoded.")
    pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    form = dict(pairs)
    if len(form) != len(pairs) or "\x00" in "".join(form.values()):
        raise GrantRefused("invalid_request", "Send every parameter once, and no character NUL.")
    if not form.get("client_id"):
        raise GrantRefused("invalid_client", f"Send client_id={CLIENT} in the form; it is public and has no secret.")
    if form.get("grant_type", "authorization_code") != "authorization_code":
        raise GrantRefused("unsupported_grant_type", "Only grant_type=authorization_code is supported.")
    missing = [name for name in TOKEN_PARAMETERS if not form.get(name)]
    if missing:
        raise GrantRefused("invalid_request", f"Send {', '.join(missing)} too.")
    if not VERIFIER.fullmatch(form["code_verifier"]):
        raise GrantRefused("invalid_request", "A code_verifier has 43 to 128 letters, digits, '-', '.', '_' or '~'.")
    return form


def _fault_of_grant(grant: Grant | None, form: Mapping[str, str], now: datetime) -> str:
    """Why a code is refused (RFC 6749 section 5.2, RFC 7636 section 4.6); empty if it is accepted."""
    if grant is None:
        return "This sandbox has no such code: it was used before, or never issued here. Sign in again."
    if grant.expires_at <= now:
        return "The code has expired in sandbox time. Sign in again."
    if grant.client_id != form["client_id"] or grant.redirect_uri != form["redirect_uri"]:
        return "The code was issued for another client_id or redirect_uri. Sign in again; send the same values as to authorize."
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not hmac.compare_digest(challenge, grant.code_challenge):
        return "The code_verifier does not match the code_challenge. Sign in again."
    return ""
