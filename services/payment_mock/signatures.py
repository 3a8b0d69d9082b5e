"""The signature debugger: what had to be signed, and what the sender signed instead, in the reply and in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts import payment_platform as platform
from contracts import payment_signing
from contracts.payment_platform import Fields, Signed
from contracts.payment_signing import Difference, Sign
from services.payment_mock import partners
from services.payment_mock.partners import Partner
from services.payment_mock.runtime import PaymentRuntime
from shared.runtime import in_sandbox
from shared.sandbox import journal
from shared.sentences import in_languages

Reply = dict[str, Any]


async def note(runtime: PaymentRuntime, partner: Partner, message: Signed, fields: Fields, subject: str) -> Reply:
    """Members for the refusal of a message with a wrong MaXacThuc. The real platform says nothing of the kind."""
    sent = message.as_sent
    claimed = str(sent.get("MaXacThuc", ""))
    return await explain(runtime, partner, sent, fields, platform.joined, partner.secret, claimed, subject)


async def explain(
    runtime: PaymentRuntime,
    partner: Partner,
    message: Mapping[str, object],
    fields: Fields,
    sign: Sign,
    secret: str,
    claimed: str,
    subject: str,
) -> Reply:
    """`text_to_sign`, with the secret masked, and `signed_otherwise`: where the sender's text differs.

    If that is not known, `signed_otherwise` is null, and `hint` says what else may be wrong.
    subject  what the message is about: the journal of it has both
    """
    text = payment_signing.text_to_sign(message, fields, sign)
    async with in_sandbox(runtime, partner.sandbox) as (connection, sandbox):
        secrets = await partners.secrets_of(connection, sandbox.id)
        others = {code: other for code, other in secrets.items() if other != secret}
        difference = payment_signing.difference(message, fields, secret, sign, claimed, others)
        reply: Reply = {"text_to_sign": text, "signed_otherwise": _document(difference)}
        vi, en = "Chữ ký sai", "A signature is wrong"
        if difference is not None:
            member = f"{difference.member} " if difference.member else ""
            vi, en = f"{vi}: {member}{difference.what.vi}", f"{en}: signed {member}{difference.what}"
        else:
            reply["hint"] = in_languages(payment_signing.UNKNOWN)
            vi, en = f"{vi}: {payment_signing.UNKNOWN.vi}", f"{en}: {payment_signing.UNKNOWN}"
        await journal.note(
            connection, sandbox.id, subject, sandbox.now, "signature_refused", vi, en, partner=partner.code, **reply
        )
    return reply


def _document(difference: Difference | None) -> dict[str, str] | None:
    return {"member": difference.member, **in_languages(difference.what)} if difference else None
