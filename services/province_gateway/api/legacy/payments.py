"""What the payment platform tells: a province was paid, as a partner of it."""

from __future__ import annotations

from fastapi import Response

from contracts.decisions import Body, Dong
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.legacy import paid
from services.province_gateway.legacy.paid import Payment
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import ForServices, SandboxId
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/_lab", tags=["services"], dependencies=[ForServices])


class PaymentBody(Body):
    """An order of a partner that was paid. dossier: MaHoSo; reference: MaThamChieu; transaction: MaGiaoDich."""

    dossier: Text
    amount_dong: Dong
    partner: Text
    reference: Text
    transaction: Text


@router.post(
    "/partner-payments",
    summary="A partner of the payment platform was paid for a dossier",
    status_code=204,
    response_class=Response,
    responses=problem_responses(403, 404, 422, 503),
)
async def partner_paid(body: PaymentBody, sandbox: SandboxId, gateway: GatewayDep) -> Response:
    await known_sandbox(gateway, sandbox)
    await paid.take(gateway, sandbox, Payment(**body.model_dump()))
    return Response(status_code=204)
