"""What goes wrong when people sign in, and with the tokens that come of it (OpenID Connect Core 1.0, RFC 6749, RFC 7519)."""

from __future__ import annotations

from contracts.faults.kinds import Kind, NamedFault, Setting

TOKENS = "identity.tokens"  # while tokens are made
CODES = "identity.codes"  # when a code is shown for tokens
CONSENT = "identity.consent"  # when somebody signs in
ACCOUNTS = "identity.accounts"  # whenever an account is looked at: signing in, tokens, userinfo
KEYS = "identity.keys"  # which key signs
PROVIDER = "identity.provider"  # every door of the provider
MATCH = ("persona",)
NOT_HELD = "Nothing is held: who signs in again gets good tokens."
WHICH = Setting("token", Kind.WORD, "both", "which token is spoilt", choices=("access", "id", "both"))

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
        "`iss` names an issuer that nobody here is; the signature is good.",
        "OpenID Connect Core section 3.1.3.7, step 2: `iss` must be exactly the issuer that was asked.",
        WHICH,
    ),
    _token(
        *(AUDIENCE, "A token for somebody else", "Token dành cho bên khác"),
        "`aud` names another API, or another client; the signature is good.",
        "OpenID Connect Core section 3.1.3.7, step 3; RFC 9068 section 4: a token for another is refused.",
        WHICH,
    ),
    _token(
        *(SIGNATURE, "A signature that does not fit", "Chữ ký không đúng"),
        "One letter of the claims is another than was signed.",
        "RFC 7515 section 5.2: a signature is checked before a claim is believed.",
        WHICH,
    ),
    _token(
        *(ALGORITHM, "A token without a signature", "Token không có chữ ký"),
        'The header says `"alg": "none"`, and the third part is empty.',
        "RFC 8725 section 3.1: the client chooses the algorithms, never the token.",
        WHICH,
    ),
    _token(
        *(EXPIRED, "A token that is over when it comes", "Token đã hết hạn ngay khi cấp"),
        "`exp` lies an hour back, by the clock of the sandbox.",
        "RFC 7519 section 4.1.4: after `exp` a token is refused; renew it a little earlier than that.",
        WHICH,
    ),
    _token(
        *(TOO_EARLY, "A token from the future", "Token chưa có hiệu lực"),
        "`nbf` and `iat` lie ahead: two clocks disagree.",
        "RFC 7519 section 4.1.5: before `nbf` it is refused; a little leeway, of minutes at most, is allowed.",
        WHICH,
        Setting("by", Kind.DURATION, "10m", "how far ahead, sandbox time", least=1),
    ),
    _token(
        *(NONCE, "An answer to another question", "Nonce không khớp"),
        "The `nonce` of the id_token is not the one that was sent.",
        "OpenID Connect Core section 3.1.3.7, step 11: another nonce means a replayed sign-in.",
    ),
    _token(
        *(UNKNOWN_KEY, "A key that nobody published", "Khoá ký không có trong JWKS"),
        "`kid` names a key that the key set does not hold, and it is signed with that.",
        "OpenID Connect Core section 10.1.1: fetch the key set again once; if the key is not there then, refuse.",
        WHICH,
    ),
    _token(
        *(LEVEL, "An account of too low a level", "Tài khoản chưa đủ mức định danh"),
        "Both tokens say level 1, whatever the account is worth; userinfo tells the truth.",
        "ND 69/2024: level 2 is given in person only (facts, domain.md). Procedures of level 2 answer with level-too-low.",
    ),
    NamedFault(
        *(ROTATED, KEYS, "The provider signs with a new key", "Nhà cung cấp đổi khoá ký"),
        "From now on tokens name another `kid`; the sandbox's key set holds only the new key.",
        "The old key signs again, and the key set holds it.",
        "OpenID Connect Core section 10.1.1: an unknown kid means that the key set is to be fetched again.",
        (),
        (),
        {},
        steady=True,
    ),
    NamedFault(
        *(REPLAYED, CODES, "The code was used before", "Mã uỷ quyền đã bị dùng"),
        "The token endpoint answers invalid_grant: somebody was faster.",
        NOT_HELD,
        "RFC 6749 section 4.1.2: a code is used once. RFC 9700 section 2.1.1: PKCE is why a thief's try fails.",
        MATCH,
        (),
        {"match": {"persona": "lan"}, "times": 1},
    ),
    NamedFault(
        *(LOCKED, ACCOUNTS, "The account is locked in the middle of a session", "Tài khoản bị khoá giữa phiên"),
        "authorize says access_denied, the token endpoint invalid_grant, userinfo answers 403 account-locked.",
        "The account is as it was; who is signed in goes on.",
        "ND 69/2024 (that accounts are locked is unverified): a token lives until it expires; who must know asks userinfo.",
        MATCH,
        (),
        {"match": {"persona": "minh"}},
    ),
    NamedFault(
        *(REFUSED, CONSENT, "The citizen says no", "Công dân không đồng ý chia sẻ"),
        "The browser comes back with error=access_denied.",
        NOT_HELD,
        "RFC 6749 section 4.1.2.1: access_denied is an answer, not a fault; offer another way in.",
        MATCH,
        (),
        {"match": {"persona": "huong"}, "times": 1},
    ),
    NamedFault(
        *(DOWN, PROVIDER, "The identity provider is down", "Nhà cung cấp định danh ngừng hoạt động"),
        "Every OpenID Connect door of the sandbox answers 503 provider-down with Retry-After.",
        "Nothing is held: who is signed in never noticed, the others sign in now.",
        "RFC 9110 section 15.6.4. Sessions that live must not end because nobody can sign in.",
        (),
        (),
        {},
    ),
)
