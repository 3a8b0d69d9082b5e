"""The problem types of identity_mock. The token endpoint and userinfo report refusals in the form that an RFC requires."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from services.identity_mock.faults import AccountLocked, ProviderDown
from services.identity_mock.parameters import FormNotReadable
from services.identity_mock.tokens import TokenRefused
from shared.errors import Refusal
from shared.problem_types import Problems, ProblemType
from shared.web.problems import render

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 section 5.1


class ClientUnknown(Refusal):
    """No client has this id. The browser is not redirected, because the address is not trusted."""


class RedirectNotAllowed(Refusal):
    """This client may not use this redirect_uri. The browser is not redirected."""


class GrantRefused(Refusal):
    """The token endpoint refuses the request, in the form of RFC 6749 section 5.2. `error` is one of its codes."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(detail, error=error)
        self.error = error


PROBLEMS: Problems = {
    ClientUnknown: ProblemType("client-unknown", 400, "No client has this id.", "Không có ứng dụng này."),
    FormNotReadable: ProblemType("form-not-readable", 400, "The parameters cannot be read.", "Không đọc được tham số."),
    RedirectNotAllowed: ProblemType(
        "redirect-not-allowed",
        400,
        "The browser may not be redirected to this address.",
        "Không được chuyển hướng về địa chỉ này.",
    ),
    GrantRefused: ProblemType(
        "grant-refused", 400, "No token is issued for this request.", "Không cấp token cho yêu cầu này."
    ),
    AccountLocked: ProblemType("account-locked", 403, "The account is locked.", "Tài khoản đã bị khoá."),
    ProviderDown: ProblemType(
        "provider-down", 503, "The identity provider is down.", "Hệ thống định danh đang ngừng hoạt động."
    ),
    TokenRefused: ProblemType(
        "token-refused",
        401,
        "The access token is not valid.",
        "Token truy cập không hợp lệ.",
        'Bearer realm="identity", error="invalid_token"',
    ),
}


def install(app: FastAPI) -> None:
    @app.exception_handler(GrantRefused)
    async def grant_refused(request: Request, refusal: GrantRefused) -> JSONResponse:
        body = {"error": refusal.error, "error_description": refusal.detail}
        if refusal.error == "invalid_client":
            return JSONResponse(body, 401, headers={**NO_STORE, "WWW-Authenticate": 'Basic realm="identity"'})
        return JSONResponse(body, 400, headers=NO_STORE)

    @app.exception_handler(TokenRefused)
    async def token_refused(request: Request, refusal: TokenRefused) -> JSONResponse:
        """RFC 6750 section 3: without a token in the request, the challenge has no error code."""
        response = render(PROBLEMS[TokenRefused], refusal.detail, refusal.facts)
        if "authorization" not in request.headers:
            response.headers["WWW-Authenticate"] = 'Bearer realm="identity"'
        return response
