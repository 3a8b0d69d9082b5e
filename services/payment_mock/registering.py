"""The endpoints at which the owner of a sandbox registers its partners."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import Path, Request, Response
from pydantic import Field, field_validator

from contracts import keypay
from contracts import payment_platform as platform
from contracts.decisions import Body
from contracts.modes import address_fault
from services.payment_mock import partners
from services.payment_mock.partners import Partner
from services.payment_mock.problems import PartnerNotFound, PartnerReserved
from services.payment_mock.runtime import PaymentRuntime, RuntimeDep
from shared import receivers
from shared.runtime import in_sandbox, known_sandbox
from shared.text import Text
from shared.web.dependencies import SandboxId
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/_lab/partners", tags=["partners"])
Code = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,40}$", description="MaDoiTac", examples=["STC-NB"])]
Address = Annotated[Text, Field(max_length=2000, examples=["http://127.0.0.1:9000/confirm"])]


class PartnerBody(Body):
    """confirm_url: where CONFIRM is sent. return_url: where the payer's browser goes.

    What is left out stays as it is, for a new partner nowhere. null or an empty text clears it.
    """

    confirm_url: Address | None = None
    return_url: Address | None = None

    @field_validator("confirm_url", "return_url")
    @classmethod
    def is_an_address(cls, url: str | None) -> str | None:
        if url and (fault := address_fault(url)):
            raise ValueError(fault)
        return url

    @property
    def named(self) -> dict[str, str]:
        """The addresses that are to be changed; "": cleared."""
        return {name: getattr(self, name) or "" for name in self.model_fields_set}


class KeyPayView(Body):
    """What a client of KeyPay is configured with; `base`: before /create, /detail, /qrcode, /refund."""

    client_id: str
    hash_key_1: str
    hash_key_2: str
    base: str


class PartnerView(Body):
    """A partner, and what it is configured with. Each message has an address; `address` takes every message."""

    partner: str
    secret: str
    confirm_url: str | None
    return_url: str | None
    address: str
    init: str
    query: str
    get_bill: str
    wrapper: str
    keypay: KeyPayView

    @classmethod
    def of(cls, runtime: PaymentRuntime, partner: Partner) -> Self:
        base = f"{runtime.payment.payment_url}/partner/{partner.key}"
        first, second = keypay.keys(partner.secret)
        return cls(
            partner=partner.code,
            secret=partner.secret,
            confirm_url=partner.confirm_url or None,
            return_url=partner.return_url or None,
            address=base,
            init=f"{base}/init",
            query=f"{base}/query",
            get_bill=f"{base}/getbill",
            wrapper=f"{base}/wrapped",
            keypay=KeyPayView(client_id=partner.code, hash_key_1=first, hash_key_2=second, base=f"{base}/keypay"),
        )


class RegisteredView(PartnerView):
    """`trouble`, `trouble_vi`: why nobody answers at the named `confirm_url` now; null: somebody listens, or none was named."""

    trouble: str | None = None
    trouble_vi: str | None = None


@router.put(
    "/{code}",
    summary="Register a partner, or change the addresses that the body names; its secret and the others stay",
    responses=problem_responses(404, 409, 422, 503),
)
async def register(code: Code, body: PartnerBody, sandbox_id: SandboxId, runtime: RuntimeDep) -> RegisteredView:
    if code == platform.PARTNER:
        raise PartnerReserved("It is the portal's own code: take another one.", partner=code)
    trouble = await receivers.reachable(runtime.allowed_hosts, body.confirm_url) if body.confirm_url else None
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        partner = await partners.register(connection, sandbox.id, code, **body.named)
    view = RegisteredView.of(runtime, partner)
    return view.model_copy(update={"trouble": trouble, "trouble_vi": trouble.vi}) if trouble else view


@router.get("", summary="The partners of the sandbox, with their secrets", responses=problem_responses(404, 422, 503))
async def list_partners(
    sandbox_id: SandboxId, runtime: RuntimeDep, request: Request, page: PageDep, response: Response
) -> list[PartnerView]:
    sandbox = await known_sandbox(runtime, sandbox_id)
    rows = await partners.all_of(runtime.database, sandbox.id)
    return announce(request, response, page.of([PartnerView.of(runtime, each) for each in rows]))


@router.delete(
    "/{code}",
    summary="Remove a partner; its orders stay",
    status_code=204,
    response_class=Response,
    responses=problem_responses(404, 422, 503),
)
async def remove(code: Code, sandbox_id: SandboxId, runtime: RuntimeDep) -> Response:
    async with in_sandbox(runtime, sandbox_id) as (connection, sandbox):
        if not await partners.remove(connection, sandbox.id, code):
            raise PartnerNotFound("GET /_lab/partners lists them.", partner=code)
    return Response(status_code=204)
