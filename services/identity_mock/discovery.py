"""What a client can know of an issuer before it sends anybody there: the metadata and the public keys."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from contracts.identity import NUMBER_CLAIM
from services.identity_mock import faults, tokens
from services.identity_mock.authorize import PROMPTS, SCOPES
from services.identity_mock.realm import ServingDep, named_sandbox
from shared.web.problems import problem_responses
from shared.web.router import Router

ID_TOKEN_CLAIMS = ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "name", "level", "sandbox")
USERINFO_CLAIMS = (
    "sub",
    "LoaiTaiKhoan",
    NUMBER_CLAIM,
    "HoVaTen",
    "NgayThangNamSinh",
    "TechID",
    "loAs",
    "represents",
    "synthetic",
    "unverified",
)
OAUTH_METADATA = "/.well-known/oauth-authorization-server"
REFUSALS = problem_responses(403, 404, 503)
router = APIRouter(tags=["openid connect"])
root_router = Router(tags=["openid connect"])  # RFC 8414 section 3.1: this path comes before that of the issuer


@router.get("/.well-known/openid-configuration", summary="Discovery", responses=REFUSALS)
@root_router.get(OAUTH_METADATA, summary="Metadata of the default issuer", responses=REFUSALS)
@root_router.get(
    f"{OAUTH_METADATA}/s/{{sandbox}}",
    summary="Metadata of the issuer of a sandbox",
    responses=REFUSALS,
    dependencies=[Depends(named_sandbox)],
)
async def metadata(realm: ServingDep) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2, RFC 9207 section 3."""
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
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": PROMPTS,
        "display_values_supported": ["page"],
        "ui_locales_supported": ["vi", "en"],
        "claim_types_supported": ["normal"],
        "claims_supported": [*ID_TOKEN_CLAIMS, *(name for name in USERINFO_CLAIMS if name not in ID_TOKEN_CLAIMS)],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }


@router.get("/jwks", summary="The public keys of the token signatures", responses=REFUSALS)
async def jwks(realm: ServingDep) -> dict[str, Any]:
    """RFC 7517 section 5."""
    if faults.is_rotated(realm.sandbox):
        return tokens.public_keys(await realm.runtime.next_key())
    return tokens.public_keys(*realm.runtime.keys)
