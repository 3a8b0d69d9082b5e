"""Faults of signing in, and of the tokens (OpenID Connect Core 1.0, RFC 6749, RFC 7519)."""

from __future__ import annotations

from contracts.faults.kinds import Kind, NamedFault, Setting

TOKENS = "identity.tokens"  # when tokens are issued
CODES = "identity.codes"  # when a code is exchanged for tokens
CONSENT = "identity.consent"  # when a person signs in
ACCOUNTS = "identity.accounts"  # whenever an account is used: signing in, tokens, userinfo
KEYS = "identity.keys"  # when the signing key is chosen
PROVIDER = "identity.provider"  # at every endpoint of the provider
MATCH = ("persona",)
NOT_HELD = "Nothing was delayed. A person who signs in again gets valid tokens."
WHICH = Setting("token", Kind.WORD, "both", "which token is made invalid", choices=("access", "id", "both"))

ISSUER = "token-wrong-issuer"
AUDIENCE = "token-wrong-audience"
SIGNATURE = "token-wrong-signature"
ALGORITHM = "token-wrong-algorithm"
EXPIRED = "token-expired"
TOO_EARLY = "token-not-yet-valid"
NONCE = "token-wrong-nonce"
UNKNOWN_KEY = "token-unknown-key"
LEVEL = "token-level-too-low"
ROTATED = "key-rotated"
REPLAYED = "code-replayed"
LOCKED = "account-locked"
REFUSED = "consent-refused"
DOWN = "provider-down"


def _token(name: str, title_en: str, title_vi: str, shows: str, teaches: str, *settings: Setting) -> NamedFault:
    return NamedFault(
        *(name, TOKENS, title_en, title_vi, shows, NOT_HELD, teaches, MATCH, settings),
        {"match": {"persona": "lan"}, "times": 1},
    )


FAULTS = (
    _token(
        *(ISSUER, "A token of another issuer", "Token của nhà phát hành khác"),
        "`iss` names an issuer that does not exist; the signature is valid.",
        "OpenID Connect Core section 3.1.3.7, step 2: `iss` must be exactly the issuer that the client uses.",
        WHICH,
    ),
    _token(
        *(AUDIENCE, "A token for another audience", "Token dành cho bên khác"),
        "`aud` names another API, or another client; the signature is valid.",
        "OpenID Connect Core section 3.1.3.7, step 3; RFC 9068 section 4: refuse a token for another audience.",
        WHICH,
    ),
    _token(
        *(SIGNATURE, "A token with a wrong signature", "Chữ ký không đúng"),
        "One character of the claims was changed after signing.",
        "RFC 7515 section 5.2: check the signature before you trust a claim.",
        WHICH,
    ),
    _token(
        *(ALGORITHM, "A token without a signature", "Token không có chữ ký"),
        'The header says `"alg": "none"`, and the third part is empty.',
        "RFC 8725 section 3.1: the client decides which algorithms it accepts, never the token.",
        WHICH,
    ),
    _token(
        *(EXPIRED, "A token that has already expired", "Token đã hết hạn ngay khi cấp"),
        "`exp` is one hour in the past, by the clock of the sandbox.",
        "RFC 7519 section 4.1.4: refuse a token after `exp`; renew tokens a little before it.",
        WHICH,
    ),
    _token(
        *(TOO_EARLY, "A token that is not valid yet", "Token chưa có hiệu lực"),
        "`nbf` and `iat` are in the future, as if two clocks differed.",
        "RFC 7519 section 4.1.5: refuse a token before `nbf`; a small leeway, at most a few minutes, is allowed.",
        WHICH,
        Setting("by", Kind.DURATION, "10m", "how far in the future, sandbox time", least=1),
    ),
    _token(
        *(NONCE, "A token with a wrong nonce", "Nonce không khớp"),
        "The `nonce` of the id_token is not the one that was sent.",
        "OpenID Connect Core section 3.1.3.7, step 11: a wrong nonce means that a sign-in is replayed.",
    ),
    _token(
        *(UNKNOWN_KEY, "A token signed with an unpublished key", "Khoá ký không có trong JWKS"),
        "`kid` names a key that is not in the key set; the token is signed with this key.",
        "OpenID Connect Core section 10.1.1: fetch the key set again once; if it still lacks the key, refuse the token.",
        WHICH,
    ),
    _token(
        *(LEVEL, "An account with too low a level", "Tài khoản chưa đủ mức định danh"),
        "Both tokens say level 1, whatever the level of the account is; userinfo returns the true level.",
        "ND 69/2024: level 2 is granted only in person (facts, domain.md). Procedures of level 2 are refused with level-too-low.",
    ),
    NamedFault(
        *(ROTATED, KEYS, "The provider signs with a new key", "Nhà cung cấp đổi khoá ký"),
        "From now on tokens have another `kid`; the key set of the sandbox contains only the new key.",
        "The old key signs again, and the key set contains it.",
        "OpenID Connect Core section 10.1.1: at an unknown kid, fetch the key set again.",
        (),
        (),
        {},
        steady=True,
    ),
    NamedFault(
        *(REPLAYED, CODES, "The code was used before", "Mã uỷ quyền đã bị dùng"),
        "The token endpoint returns invalid_grant, as if another client had used the code first.",
        NOT_HELD,
        "RFC 6749 section 4.1.2: a code can be used only once. RFC 9700 section 2.1.1: PKCE protects against a stolen code.",
        MATCH,
        (),
        {"match": {"persona": "lan"}, "times": 1},
    ),
    NamedFault(
        *(LOCKED, ACCOUNTS, "The account is locked in the middle of a session", "Tài khoản bị khoá giữa phiên"),
        "authorize returns access_denied, the token endpoint invalid_grant, userinfo 403 account-locked.",
        "The account works as before; existing sessions continue.",
        "ND 69/2024 (that accounts can be locked is unverified): a token is valid until it expires; userinfo shows a lock earlier.",
        MATCH,
        (),
        {"match": {"persona": "minh"}},
    ),
    NamedFault(
        *(REFUSED, CONSENT, "The citizen refuses consent", "Công dân không đồng ý chia sẻ"),
        "The browser returns with error=access_denied.",
        NOT_HELD,
        "RFC 6749 section 4.1.2.1: access_denied is a decision of the person, not an error; offer another way to sign in.",
        MATCH,
        (),
        {"match": {"persona": "huong"}, "times": 1},
    ),
    NamedFault(
        *(DOWN, PROVIDER, "The identity provider is down", "Nhà cung cấp định danh ngừng hoạt động"),
        "Every OpenID Connect endpoint of the sandbox returns 503 provider-down with Retry-After.",
        "Nothing was delayed: existing sessions were not affected, and people can sign in again.",
        "RFC 9110 section 15.6.4. Existing sessions must not end because nobody can sign in.",
        (),
        (),
        {},
    ),
)
