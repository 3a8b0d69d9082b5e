"""The authorization endpoint: who signs in, and with which parameters (OpenID Connect Core 1.0 section 3.1.2)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from contracts.identity import LOGIN_RETURN, OWN_CLIENT, TEST_CLIENT
from contracts.people import STANDING
from services.identity_mock import clients, faults, login_page, parameters, store, tokens
from services.identity_mock.parameters import Parameters
from services.identity_mock.people import Person, people
from services.identity_mock.problems import NO_STORE, RedirectNotAllowed
from services.identity_mock.realm import Realm, RealmDep
from services.identity_mock.store import Grant
from services.identity_mock.tokens import TokenRefused
from shared.runtime import has_effect, in_sandbox
from shared.sandbox import journal
from shared.sandbox.validity import now_by
from shared.web.guard import is_loopback
from shared.web.problems import problem_responses

SCOPES = ("openid", "profile")
RESPONSE_PARAMETERS = ("code", "state", "iss", "error", "error_description")
PROMPTS = ("none", "login", "consent", "select_account")
PARAMETERS = {
    "response_type": "`code`",
    "response_mode": "`query`",
    "client_id": f"`{TEST_CLIENT}`, or the client of one sandbox: `{OWN_CLIENT}ID`",
    "redirect_uri": "any http address on a loopback address or localhost",
    "scope": "`openid`, also with `profile`; others are ignored",
    "state": "returned unchanged",
    "nonce": "returned in the id_token",
    "code_challenge": "BASE64URL(SHA256(code_verifier)), 43 characters",
    "code_challenge_method": "`S256`",
    "login_hint": f"who signs in: {', '.join(STANDING)}, or an own persona of the sandbox; without it the user chooses on a page",
    "id_token_hint": "an id_token: only this person may sign in; without login_hint, it says who signs in",
    "prompt": "`none`: never show the page; `login`, `consent`, `select_account`: show it also with a hint",
    "max_age": "seconds; every sign-in is new, so it is never exceeded",
}
# Core section 3.1.2.6: requests as objects, and clients that describe themselves, have errors of their own.
UNSUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7636 section 4.2
ONLY_S256 = "PKCE is required: send code_challenge_method=S256 and a code_challenge of 43 characters."
DESCRIBED: dict[str, Any] = {name: {"type": "string", "description": text} for name, text in PARAMETERS.items()}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The page on which the user chooses who signs in", "content": {"text/html": {}}},
    302: {"description": "Back to the client with `code` and `state`, or with `error`; always with `iss` (RFC 9207)"},
    **problem_responses(400, 403, 404, 503),
}
router = APIRouter(tags=["openid connect"])


class RequestRefused(Exception):
    """An error for the client, by redirect (RFC 6749 section 4.1.2.1, Core section 3.1.2.6)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.reply = {"error": error, "error_description": description}


@router.get(
    "/authorize",
    summary="Sign a persona in, or show a page to choose one",
    response_class=Response,
    openapi_extra={
        "parameters": [
            {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
            for name, text in PARAMETERS.items()
        ]
    },
    responses=RESPONSES,
)
async def authorize(realm: RealmDep, request: Request) -> Response:
    """OpenID Connect Core 1.0 section 3.1.2, RFC 6749 section 4.1.1, RFC 7636 section 4.3."""
    return await _reply(realm, request, parameters.query_of(request))


@router.post(
    "/authorize",
    summary="The same, with the parameters in a form",
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {parameters.FORM: {"schema": {"type": "object", "properties": DESCRIBED}}},
        }
    },
    responses=RESPONSES,
)
async def authorize_form(realm: RealmDep, request: Request) -> Response:
    """OpenID Connect Core 1.0 section 3.1.2.1."""
    return await _reply(realm, request, await parameters.form_of(request))


async def _reply(realm: Realm, request: Request, sent: Parameters) -> Response:
    values = sent.values
    realm = await realm.of_client(values.get("client_id", ""))
    uri = values.get("redirect_uri", "")
    if uri != f"{realm.runtime.settings.portal_url.rstrip('/')}{LOGIN_RETURN}" and not _may_return_to(uri):
        raise RedirectNotAllowed(
            "Send one redirect_uri such as http://127.0.0.1:8000/callback: no fragment, and no parameter of the response."
        )
    personas = people(realm.sandbox)
    try:
        if not sent.is_valid:
            raise RequestRefused("invalid_request", parameters.ONCE)
        _check(values)
        person = _person(realm, values, personas)
        if person is None or not has_effect.get():
            return login_page.page(request, realm.sandbox, personas.values(), values)
        reply = {"code": await _code(realm, values, person)}
    except RequestRefused as refused:
        reply = refused.reply
    if "state" in values:
        reply["state"] = values["state"]
    uri = values["redirect_uri"]
    location = f"{uri}{'&' if '?' in uri else '?'}{urlencode({**reply, 'iss': realm.issuer})}"
    return RedirectResponse(location, 302, headers=NO_STORE)


def _may_return_to(uri: str) -> bool:
    """RFC 8252 section 7.3: loopback addresses, any port. RFC 6749 section 3.1.2: absolute, no fragment.

    A parameter of ours that stands in it already would be there twice, and a client may read the wrong one.
    """
    if not uri.isascii() or not uri.isprintable() or any(character in uri for character in ' "\\#'):
        return False
    try:
        parts = urlsplit(uri)
        return (
            parts.scheme == "http"
            and not any(character in parts.netloc for character in "@%")
            and is_loopback(parts.hostname or "")
            and parts.port != 0
            and not any(name in RESPONSE_PARAMETERS for name, _ in parse_qsl(parts.query, keep_blank_values=True))
        )
    except ValueError:  # the port is not a number
        return False


def _check(values: Mapping[str, str]) -> None:
    """What can be wrong in a request, no matter which person signs in. Raises RequestRefused."""
    for name, error in UNSUPPORTED.items():
        if name in values:
            raise RequestRefused(error, f"Leave {name} out, and send the parameters themselves.")
    if "response_type" not in values:
        raise RequestRefused("invalid_request", "Send response_type=code.")
    if values["response_type"] != "code":
        raise RequestRefused("unsupported_response_type", "Only response_type=code is supported.")
    if values.get("response_mode", "query") != "query":
        raise RequestRefused("invalid_request", "Only response_mode=query is supported; it is the default.")
    if "openid" not in values.get("scope", "").split():
        raise RequestRefused("invalid_scope", "Send scope=openid.")
    challenge = values.get("code_challenge", "")
    if values.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge):
        raise RequestRefused("invalid_request", ONLY_S256)
    prompts = values.get("prompt", "").split()
    if not set(prompts) <= set(PROMPTS) or ("none" in prompts and len(prompts) > 1):
        raise RequestRefused("invalid_request", f"Send one prompt of {', '.join(PROMPTS)}; none stands alone.")
    max_age = values.get("max_age", "0")
    if not (max_age.isascii() and max_age.isdigit()):
        raise RequestRefused("invalid_request", "Send max_age as a number of seconds.")


def _person(realm: Realm, values: Mapping[str, str], personas: Mapping[str, Person]) -> Person | None:
    """Who signs in; None if a page has to ask. Raises RequestRefused."""
    hint, prompts = values.get("login_hint"), values.get("prompt", "").split()
    if hint and hint not in personas:
        known = ", ".join(personas)
        raise RequestRefused("invalid_request", f"Nobody in this sandbox has this login_hint: send one of {known}.")
    person = personas[hint] if hint else None
    if "id_token_hint" in values:
        only = _person_of(realm, values["id_token_hint"], personas)
        if person not in (None, only):
            raise RequestRefused("login_required", "The id_token_hint is of another person, who has to sign in.")
        person = only
    if person is None and "none" in prompts:
        raise RequestRefused("login_required", "With prompt=none send login_hint or id_token_hint too.")
    return person if set(prompts) <= {"none"} else None


def _person_of(realm: Realm, id_token: str, personas: Mapping[str, Person]) -> Person:
    try:
        subject = tokens.subject_of(realm.runtime.keys, id_token, issuer=realm.issuer)
    except TokenRefused as refused:
        raise RequestRefused("invalid_request", f"id_token_hint: {refused.detail}") from refused
    found = next((person for person in personas.values() if person.id == subject), None)
    if found is None:
        raise RequestRefused("login_required", "The person of the id_token_hint is not in this sandbox.")
    return found


async def _code(realm: Realm, values: Mapping[str, str], person: Person) -> str:
    """A new code. Raises RequestRefused if a fault rule stops the person."""
    code, client = secrets.token_urlsafe(32), values["client_id"]
    asked = values["scope"].split()
    async with in_sandbox(realm.runtime, realm.sandbox.id) as (connection, sandbox):
        denial = await faults.sign_in_denial(connection, sandbox, person)
        if not denial:
            grant = Grant(
                hint=person.hint,
                client_id=client,
                redirect_uri=values["redirect_uri"],
                code_challenge=values["code_challenge"],
                scope=" ".join(scope for scope in SCOPES if scope in asked),
                nonce=values.get("nonce"),
                signed_in_at=now_by(clients.token_times(client), sandbox.now),
                expires_at=sandbox.now + realm.runtime.identity.code_lifetime,
            )
            kept = realm.runtime.identity.token_lifetime
            await store.keep_code(connection, sandbox, code, grant, kept)
            texts = f"{person.name} đăng nhập mức {person.level}", f"{person.name} signed in, level {person.level}"
            await journal.note(connection, sandbox.id, person.id, sandbox.now, "signed_in", *texts, persona=person.hint)
    if denial:
        raise RequestRefused("access_denied", denial)
    return code
