"""The way of docs/journey.md with four generated clients: sign in, submit, be received, pay; nothing is written by hand."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

import identity_mock
import payment_mock
import portal
import province_gateway
from identity_mock.api.openid_connect import authorize_in_sandbox, token_in_sandbox
from identity_mock.models import TokenInSandboxBody
from payment_mock.api.payer import pay, show
from payment_mock.models import PayJsonBody, PayJsonBodyOutcome
from portal.api.dossiers import my_dossier, submit_dossier
from portal.api.lab import advance, create_sandbox, doors, settle
from portal.api.payments import begin_payment
from portal.models import Advance, DossierView, NewSandbox, PaymentRequest, PlaceBody, Settle, Submission
from province_gateway.api.lab import script_officers
from province_gateway.api.provinces import dossier as province_dossier
from province_gateway.models import Decisions, DecisionsReceptionType0, ScriptBody

BACK = "http://127.0.0.1/signed-in"
PORTAL = os.environ["LIENTHONG_URL"]
open_portal = portal.Client(base_url=PORTAL, raise_on_unexpected_status=True)


def parsed(response: Any, status: int) -> Any:
    assert response.status_code == status, response.content
    return response.parsed


addresses = parsed(doors.sync_detailed(client=open_portal), 200)
sandbox = parsed(create_sandbox.sync_detailed(client=open_portal, body=NewSandbox(seed="journey")), 201)
identity = identity_mock.Client(base_url=addresses["identity"], raise_on_unexpected_status=True)
gateway = province_gateway.Client(base_url=addresses["province_gateway"], raise_on_unexpected_status=True)
payment = payment_mock.Client(base_url=addresses["payment"], raise_on_unexpected_status=True)


def signed_in() -> portal.AuthenticatedClient:
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    back = authorize_in_sandbox.sync_detailed(
        sandbox.id,
        client=identity,
        response_type="code",
        client_id=sandbox.oidc_client,
        redirect_uri=BACK,
        scope="openid profile",
        code_challenge=challenge,
        code_challenge_method="S256",
        login_hint="lan",
    )
    assert back.status_code == 302, back.content
    [code] = parse_qs(urlsplit(back.headers["location"]).query)["code"]
    form = TokenInSandboxBody("authorization_code", code, BACK, verifier, client_id=sandbox.oidc_client)
    tokens = parsed(token_in_sandbox.sync_detailed(sandbox.id, client=identity, body=form), 200)
    return portal.AuthenticatedClient(base_url=PORTAL, token=tokens.access_token, raise_on_unexpected_status=True)


nobody = portal.AuthenticatedClient(base_url=PORTAL, token="none")
wish = Submission("2.000635", PlaceBody("37", "14464"))
refused = submit_dossier.sync_detailed(client=nobody, body=wish, idempotency_key="1")
assert parsed(refused, 401).type_ == "/problems/token-not-valid"
submitted: DossierView = parsed(submit_dossier.sync_detailed(client=signed_in(), body=wish, idempotency_key="1"), 201)
script = ScriptBody(Decisions(reception=DecisionsReceptionType0.RECEIVE))
parsed(settle.sync_detailed(sandbox.id, client=open_portal, body=Settle(timeout_seconds=60)), 200)
parsed(script_officers.sync_detailed(submitted.code, client=gateway, body=script, x_sandbox=sandbox.id), 200)
parsed(advance.sync_detailed(sandbox.id, client=open_portal, body=Advance(by="P1D")), 200)

citizen = signed_in()
due = parsed(my_dossier.sync_detailed(submitted.code, client=citizen), 200)
order = parsed(
    begin_payment.sync_detailed(
        submitted.code, client=citizen, body=PaymentRequest(due.fee.amount_dong), idempotency_key="2"
    ),
    201,
)
transaction = urlsplit(order.checkout_url).path.rpartition("/")[2]
parsed(show.sync_detailed(sandbox.id, transaction, client=payment), 200)
paid = pay.sync_detailed(sandbox.id, transaction, client=payment, body=PayJsonBody(PayJsonBodyOutcome.SUCCESS))
assert paid.status_code == 303, paid.content
parsed(settle.sync_detailed(sandbox.id, client=open_portal, body=Settle(timeout_seconds=60)), 200)

mine = parsed(my_dossier.sync_detailed(submitted.code, client=citizen), 200)
theirs = parsed(province_dossier.sync_detailed("37", submitted.code, client=gateway, x_sandbox=sandbox.id), 200)
assert mine.fee.status == "paid" and theirs.code == mine.code
print(f"{mine.code} is submitted, received and paid")
