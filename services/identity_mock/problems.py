"""What the refusals of identity_mock look like outside. Two of its doors have a form of their own, given by an RFC."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from services.identity_mock.faults import AccountLocked, ProviderDown
from services.identity_mock.tokens import TokenRefused
from shared.errors import Refusal
from shared.problem_types import Problems, ProblemType
from shared.web.problems import render

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 section 5.1


class ClientUnknown(Refusal):
    """No client has this id; the browser is not sent back to an address that nobody vouches for."""


class RedirectNotAllowed(Refusal):
    """The redirect_uri is not one that this client may use, so the browser is not sent there."""


class GrantRefused(Refusal):
    """The token endpoint says no, in the form of RFC 6749 section 5.2: `error` is one of its codes."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(detail, error=error)
        self.error = error


PROBLEMS: Problems = {
    ClientUnknown: ProblemType("client-unknown", 400, "No such client is known here.", "Không có ứng dụng này."),
    RedirectNotAllowed: ProblemType(
        "redirect-not-allowed", 400, "The browser may not be sent there.", "Không được chuyển hướng về địa chỉ này."
    ),
    GrantRefused: ProblemType("grant-refused", 400, "No token is given for this.", "Không cấp token cho yêu cầu này."),
    AccountLocked: ProblemType("account-locked", 403, "The account is locked.", "Tài khoản đã bị khoá."),
    ProviderDown: ProblemType(
        "provider-down", 503, "The identity provider is down.", "Hệ thống định danh đang ngừng hoạt động."
    ),
    TokenRefused: ProblemType("token-refused", 401, "The access token does not hold.", "Token truy cập không hợp lệ."),
}


def install(app: FastAPI) -> None:
    @app.exception_handler(GrantRefused)
    async def grant_refused(request: Request, refusal: GrantRefused) -> JSONResponse:
        status = 401 if refusal.error == "invalid_client" else 400
        body = {"error": refusal.error, "error_description": refusal.detail}
        return JSONResponse(body, status, headers=NO_STORE)

    @app.exception_handler(TokenRefused)
    async def token_refused(request: Request, refusal: TokenRefused) -> JSONResponse:
        """RFC 6750 section 3: no error code if no token was sent."""
        challenge = 'Bearer realm="identity"'
        if "authorization" in request.headers:
            challenge += f', error="invalid_token", error_description="{refusal.detail}"'
        answer = render(PROBLEMS[TokenRefused], refusal.detail, refusal.facts)
        answer.headers["WWW-Authenticate"] = challenge
        return answer
