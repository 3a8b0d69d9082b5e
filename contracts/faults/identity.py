"""Faults of signing in, and of the tokens (OpenID Connect Core 1.0, RFC 6749, RFC 7519)."""

from __future__ import annotations

from functools import partial

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


_token = partial(
    NamedFault, edge=TOKENS, released=NOT_HELD, match=MATCH, example={"match": {"persona": "lan"}, "times": 1}
)
FAULTS = (
    _token(
        name=ISSUER,
        title_en="A token of another issuer",
        title_vi="Token của nhà phát hành khác",
        shows="`iss` names an issuer that does not exist; the signature is valid.",
        teaches="OpenID Connect Core section 3.1.3.7, step 2: `iss` must be exactly the issuer that the client uses.",
        settings=(WHICH,),
    ),
    _token(
        name=AUDIENCE,
        title_en="A token for another audience",
        title_vi="Token dành cho bên khác",
        shows="`aud` names another API, or another client; the signature is valid.",
        teaches="OpenID Connect Core section 3.1.3.7, step 3; RFC 9068 section 4: refuse a token for another audience.",
        settings=(WHICH,),
    ),
    _token(
        name=SIGNATURE,
        title_en="A token with a wrong signature",
        title_vi="Chữ ký không đúng",
        shows="One character of the claims was changed after signing.",
        teaches="RFC 7515 section 5.2: check the signature before you trust a claim.",
        settings=(WHICH,),
    ),
    _token(
        name=ALGORITHM,
        title_en="A token without a signature",
        title_vi="Token không có chữ ký",
        shows='The header says `"alg": "none"`, and the third part is empty.',
        teaches="RFC 8725 section 3.1: the client decides which algorithms it accepts, never the token.",
        settings=(WHICH,),
    ),
    _token(
        name=EXPIRED,
        title_en="A token that has already expired",
        title_vi="Token đã hết hạn ngay khi cấp",
        shows="`exp` is one hour in the past, by the clock of the client (`token_times`).",
        teaches="RFC 7519 section 4.1.4: refuse a token after `exp`; renew tokens a little before it.",
        settings=(WHICH,),
    ),
    _token(
        name=TOO_EARLY,
        title_en="A token that is not valid yet",
        title_vi="Token chưa có hiệu lực",
        shows="`nbf` and `iat` are in the future, as if two clocks differed.",
        teaches="RFC 7519 section 4.1.5: refuse a token before `nbf`; a leeway of at most a few minutes is allowed.",
        settings=(
            WHICH,
            Setting("by", Kind.DURATION, "10m", "how far in the future, by the clock of the client", least=1),
        ),
    ),
    _token(
        name=NONCE,
        title_en="A token with a wrong nonce",
        title_vi="Nonce không khớp",
        shows="The `nonce` of the id_token is not the one that was sent.",
        teaches="OpenID Connect Core section 3.1.3.7, step 11: a wrong nonce means that a sign-in is replayed.",
    ),
    _token(
        name=UNKNOWN_KEY,
        title_en="A token signed with an unpublished key",
        title_vi="Khoá ký không có trong JWKS",
        shows="`kid` names a key that is not in the key set; the token is signed with this key.",
        teaches="OpenID Connect Core section 10.1.1: fetch the key set once more; without the key, refuse the token.",
        settings=(WHICH,),
    ),
    _token(
        name=LEVEL,
        title_en="An account with too low a level",
        title_vi="Tài khoản chưa đủ mức định danh",
        shows="Both tokens say level 1, whatever the level of the account is; userinfo returns the true level.",
        teaches="ND 69/2024: level 2 is granted only in person (facts, domain.md). Procedures of level 2 are "
        "refused with level-too-low.",
    ),
    NamedFault(
        name=ROTATED,
        edge=KEYS,
        title_en="The provider signs with a new key",
        title_vi="Nhà cung cấp đổi khoá ký",
        shows="From now on tokens have another `kid`; the key set of the sandbox contains only the new key.",
        released="The old key signs again, and the key set contains it.",
        teaches="OpenID Connect Core section 10.1.1: at an unknown kid, fetch the key set again.",
        match=(),
        steady=True,
    ),
    NamedFault(
        name=REPLAYED,
        edge=CODES,
        title_en="The code was used before",
        title_vi="Mã uỷ quyền đã bị dùng",
        shows="The token endpoint returns invalid_grant, as if another client had used the code first.",
        released=NOT_HELD,
        teaches="RFC 6749 section 4.1.2: a code can be used only once. RFC 9700 section 2.1.1: PKCE protects "
        "against a stolen code.",
        match=MATCH,
        example={"match": {"persona": "lan"}, "times": 1},
    ),
    NamedFault(
        name=LOCKED,
        edge=ACCOUNTS,
        title_en="The account is locked in the middle of a session",
        title_vi="Tài khoản bị khoá giữa phiên",
        shows="authorize returns access_denied, the token endpoint invalid_grant, userinfo 403 account-locked.",
        released="The account works as before; existing sessions continue.",
        teaches="ND 69/2024 (that accounts can be locked is unverified): a token is valid until it expires; "
        "userinfo shows a lock earlier.",
        match=MATCH,
        example={"match": {"persona": "minh"}},
    ),
    NamedFault(
        name=REFUSED,
        edge=CONSENT,
        title_en="The citizen refuses consent",
        title_vi="Công dân không đồng ý chia sẻ",
        shows="The browser returns with error=access_denied.",
        released=NOT_HELD,
        teaches="RFC 6749 section 4.1.2.1: access_denied is no error; offer another way to sign in.",
        match=MATCH,
        example={"match": {"persona": "huong"}, "times": 1},
    ),
    NamedFault(
        name=DOWN,
        edge=PROVIDER,
        title_en="The identity provider is down",
        title_vi="Nhà cung cấp định danh ngừng hoạt động",
        shows="Every OpenID Connect endpoint of the sandbox returns 503 provider-down with Retry-After.",
        released="Nothing was delayed: existing sessions were not affected, and people can sign in again.",
        teaches="RFC 9110 section 15.6.4. Existing sessions must not end because nobody can sign in.",
        match=(),
    ),
)
