"""Signing in: OpenID Connect authorization code flow with PKCE; the portal is the relying party (Core 3.1, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from urllib.parse import quote, unquote, urlencode, urlsplit

import httpx
from fastapi import Response
from fastapi.responses import RedirectResponse

from contracts.identity import LOGIN_RETURN, own_client
from services.portal.auth import Citizen
from services.portal.pages import sessions
from services.portal.pages.visits import CitizenVisit, VisitDep, cookie_of, refused
from services.portal.problems import PROBLEMS
from services.portal.refusals import SignInFailed
from shared import http
from shared.errors import NotReady
from shared.sandbox.names import DEFAULT
from shared.text import Text
from shared.web.page_route import page_router
from shared.web.pages import own_path

PENDING_SECONDS = 600  # from the sign-in page back to here
SILENT = "The identity provider does not reply; try again."
router = page_router(refused, PROBLEMS)


def _issuer(visit: CitizenVisit) -> str:
    base = visit.portal.settings.identity_url.rstrip("/")
    return base if visit.sandbox.id == DEFAULT else f"{base}/s/{visit.sandbox.id}"


def _return_address(visit: CitizenVisit) -> str:
    """Here, under the name by which the browser knows us: cookies belong to a name.

    Under our public name its scheme counts: TLS ends in front of us, so a request never shows it.
    """
    public, host = visit.portal.settings.portal_url.rstrip("/"), visit.request.headers["host"]
    at_public = host.lower() == urlsplit(public).netloc.lower()
    return f"{public if at_public else f'{visit.request.url.scheme}://{host}'}{LOGIN_RETURN}"


def _pending(visit: CitizenVisit, state: str) -> str:
    return f"{cookie_of(visit.portal.settings)}-{state[:8]}"


@router.get("/login")
async def login(visit: VisitDep, next: Text = "/dossiers") -> Response:
    """Leads to the identity provider, if it replies: a browser that finds nobody there shows an error of its own."""
    try:
        url = f"{_issuer(visit)}/.well-known/openid-configuration"
        await http.call(visit.portal.http, "GET", url, sandbox_id=visit.sandbox.id)
    except http.Unreachable as fault:
        raise NotReady(SILENT, waits_for=["identity"]) from fault
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": own_client(visit.sandbox.id),
        "redirect_uri": _return_address(visit),
        "scope": "openid profile",
        "state": state,
        "nonce": secrets.token_urlsafe(12),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "ui_locales": visit.lang,
    }
    response = RedirectResponse(f"{_issuer(visit)}/authorize?{urlencode(query)}", 303)
    kept = f"{state}.{verifier}.{quote(own_path(next, '/dossiers'), safe='')}"
    response.set_cookie(
        _pending(visit, state), kept, max_age=PENDING_SECONDS, path="/login", httponly=True, samesite="lax"
    )
    return response


@router.get(LOGIN_RETURN)
async def login_return(visit: VisitDep, state: Text = "", code: Text = "", error: Text = "") -> Response:
    kept = visit.request.cookies.get(_pending(visit, state), "").split(".", 2)  # the path can have dots of its own
    if len(kept) != 3 or not secrets.compare_digest(kept[0].encode(), state.encode()):
        raise SignInFailed("Begin again.")
    if error or not code:
        raise SignInFailed("Begin again.", error=error)
    citizen = await _citizen(visit, code, verifier=kept[1])
    token = await sessions.begin(visit.portal, citizen)
    response = RedirectResponse(own_path(unquote(kept[2])), 303)
    response.delete_cookie(_pending(visit, state), path="/login")
    response.set_cookie(
        cookie_of(visit.portal.settings),
        token,
        max_age=int(sessions.LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
    )
    return response


async def _citizen(visit: CitizenVisit, code: str, *, verifier: str) -> Citizen:
    """The person, by an access token that is checked as every other. Raises SignInFailed, NotReady."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _return_address(visit),
        "client_id": own_client(visit.sandbox.id),
        "code_verifier": verifier,
    }
    try:
        response = await visit.portal.http.post(f"{_issuer(visit)}/token", data=form)
    except httpx.TransportError as fault:
        raise NotReady(SILENT, waits_for=["identity"]) from fault
    if response.status_code >= 500 or response.status_code == http.TOO_MANY:
        raise NotReady(SILENT, waits_for=["identity"])
    if response.status_code != 200:
        raise SignInFailed("Begin again.")
    return await visit.portal.tokens.citizen(f"Bearer {response.json()['access_token']}", visit.sandbox.id)


@router.post("/logout")
async def logout(visit: VisitDep) -> Response:
    if visit.citizen is None:
        return RedirectResponse("/", 303)
    await visit.form()
    token = visit.request.cookies.get(cookie_of(visit.portal.settings), "")
    await sessions.end(visit.portal, visit.sandbox.id, token)
    response = RedirectResponse("/", 303)
    response.delete_cookie(cookie_of(visit.portal.settings))
    return response


@router.get("/logout")
async def logout_address() -> Response:
    """Where a browser comes that has its address from the button: nothing is done by looking."""
    return RedirectResponse("/", 303)
