"""The officers' endpoints: register dossiers handed in at a counter or by post, and make lawful moves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import Response
from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator

from contracts import identity
from contracts.catalogue import PAYER_GROUPS, Choice, agency_code, choose
from contracts.decisions import Body, MoveFacts, YesNo
from contracts.filing import Owner, Paper, ParticularsBody
from services.province_gateway import arrival, commands
from services.province_gateway.api.views import DossierView, GatewayDep
from services.province_gateway.codes import code_series, dossier_code
from services.province_gateway.commands import Registration
from services.province_gateway.domain import Dossier, Instruction
from services.province_gateway.moves import official, receipts
from services.province_gateway.moves.context import Rules
from services.province_gateway.officers.modes import must_decide_here
from services.province_gateway.work import Work
from shared.messaging.idempotency import RequestKey
from shared.runtime import known_sandbox
from shared.sandbox.clock import BUSINESS_ZONE
from shared.text import Shown, ShownLine, Text
from shared.web.dependencies import KeyHeader, SandboxId
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/api/v1", tags=["officers"])
REGISTER = "POST /dossiers"  # the route under which a registration's key is stored, whichever door it comes by
OF_AN_ITEM = {"key", "code"}


def _synthetic_person(number: str) -> str:
    if fault := identity.person_fault(number):
        raise ValueError(fault)
    return number


PersonalId = Annotated[str, Field(pattern=r"^[0-9]{12}$", examples=["037190900123"]), AfterValidator(_synthetic_person)]
Name = Annotated[ShownLine, Field(max_length=120)]


class Applicant(Body):
    id: PersonalId
    name: Name


class OwnerBody(Body):
    kind: Literal["person", "organisation"]
    id: Annotated[str, Field(pattern=r"^([0-9]{12}|[0-9]{10}|[0-9]{10}-[0-9]{3})$")]
    name: Name

    @field_validator("id")
    @classmethod
    def id_fits_kind(cls, number: str, info: ValidationInfo) -> str:
        if fault := identity.fault_of(str(info.data.get("kind")), number):
            raise ValueError(fault)
        return number


class PaperBody(Body):
    """A paper handed in; `digitised`: the desk has scanned it."""

    component: Annotated[ShownLine, Field(max_length=60)]
    form: Literal["original", "copy", "electronic"] = "original"
    digitised: YesNo = False


class RegistrationBody(ParticularsBody):
    procedure: Annotated[str, Field(pattern=r"^[0-9]\.[0-9]{6}$", examples=["2.000635"])]
    case: Annotated[str, Field(pattern=r"^[0-9]\.[0-9]{6}\.[0-9]{2}$")] | None = None
    commune: Annotated[str | None, Field(pattern=r"^[0-9]{5}$", description="Competent commune; null: the province")]
    channel: Literal["direct", "public_postal"] = "direct"
    applicant: Applicant
    owner: Annotated[OwnerBody | None, Field(validate_default=True)] = None
    papers: Annotated[list[PaperBody], Field(max_length=50)] = Field(default_factory=list)
    note: Annotated[Shown, Field(max_length=2000)] | None = None
    receive: Annotated[YesNo | None, Field(description="Check and receive at once; default: only at the counter")] = (
        None
    )

    @field_validator("owner")
    @classmethod
    def fits_capacity(cls, owner: OwnerBody | None, info: ValidationInfo) -> OwnerBody | None:
        capacity = info.data.get("capacity", "self")
        if owner is not None and capacity == "self":
            raise ValueError("leave it out, or give the `capacity` in which the applicant acts for the owner")
        if owner is None and capacity != "self":
            raise ValueError(f"name the person or organisation for whom the applicant acts as {capacity}")
        required_kind = identity.OWNER_KINDS.get(capacity)
        if owner is not None and required_kind not in (None, owner.kind):
            raise ValueError(f"must be of kind {required_kind} if the capacity is {capacity}")
        return owner

    @field_validator("payer_group")
    @classmethod
    def known_group(cls, group: str) -> str:
        if group not in PAYER_GROUPS:
            raise ValueError(f"must be one of {', '.join(PAYER_GROUPS)}")
        return group


class MoveBody(MoveFacts):
    """One move to make now."""

    def instruction(self) -> Instruction:
        return msgspec.convert(self.model_dump(), Instruction)


@router.post(
    "/provinces/{province}/dossiers",
    summary="Register a dossier handed in at a counter or by public post.",
    status_code=201,
    response_model=DossierView,
    responses=problem_responses(404, 409, 422, 503),
)
async def register(
    province: Text, body: RegistrationBody, idempotency_key: KeyHeader, sandbox: SandboxId, gateway: GatewayDep
) -> Response:
    key = request_key(province, REGISTER, idempotency_key, body)
    async with gateway.unit_of_work(sandbox, key, series=[agency_named(province, body)]) as request:
        if request.is_new:
            must_decide_here(request.work.sandbox, province)
            choice = choice_of(province, body, request.now)
            await request.lock_counters(code_series(choice.agency, request.now))
            dossier = register_one(request.work, choice, body, gateway.rules)
            request.reply(201, DossierView.of(dossier, request.now).model_dump_json())
    return _json(request.answer)


def agency_named(province: str, body: RegistrationBody) -> str:
    """The agency as the body names it: what is known of the counter before the transaction."""
    return f"{province}/{body.commune}"


def choice_of(province: str, body: RegistrationBody, now: datetime) -> Choice:
    """What is registered, and where. Raises the refusals of `choose`."""
    return choose(body.procedure, province, body.commune, case=body.case, channel=body.channel, on=now)


def register_one(work: Work, choice: Choice, body: RegistrationBody, rules: Rules) -> Dossier:
    """Register a dossier, whose counter is locked. Raises the refusals of a registration."""
    now = work.now
    choice.require_calendar(now, body.channel)
    filing = body.filing(
        choice,
        now,
        reception=choice.received_at(body.reception.place() if body.reception else None, now),
        owner=Owner(body.owner.kind, body.owner.id, body.owner.name) if body.owner else None,
        papers=tuple(Paper(paper.component, paper.form, int(paper.digitised)) for paper in body.papers),
    )
    number, day = work.number(code_series(choice.agency, now)), f"{now.astimezone(BUSINESS_ZONE):%Y%m%d}"
    code, applicant = dossier_code(choice.agency, day, number, work.epoch), body.applicant
    registration = Registration(code, choice, body.channel, applicant.id, applicant.name, filing)
    receive = body.channel == "direct" if body.receive is None else body.receive
    return commands.register_at_desk(work, registration, rules, receive=receive)


@router.post(
    "/provinces/{province}/dossiers/{code}/moves",
    summary="Make a move; `can` of the dossier lists the moves that are lawful now.",
    response_model=DossierView,
    responses=problem_responses(404, 409, 422, 503),
)
async def move(
    province: Text, code: Text, body: MoveBody, idempotency_key: KeyHeader, sandbox: SandboxId, gateway: GatewayDep
) -> Response:
    await known_sandbox(gateway, sandbox)
    dossier = await arrival.arrived(gateway, sandbox, province, code)
    agency = agency_code(dossier.province, dossier.commune)
    key = request_key(province, move_route(code), idempotency_key, body)
    async with gateway.unit_of_work(sandbox, key, codes=[code], series=[agency]) as request:
        if request.is_new:
            must_decide_here(request.work.sandbox, province)
            await request.lock_counters(*receipts.receipt_series(agency, request.now))
            dossier = official.perform(request.work, code, body.instruction(), gateway.rules)
            request.reply(200, DossierView.of(dossier, request.work.at(code)).model_dump_json())
    return _json(request.answer)


def move_route(code: str) -> str:
    """The route under which a move's key is stored, whichever door it comes by."""
    return f"POST /dossiers/{code}/moves"


def request_key(province: str, route: str, idempotency_key: str, body: BaseModel) -> RequestKey:
    """The key of a request, or of an item of a batch, whose body has `key` and `code` in addition."""
    return RequestKey(f"desk/{province}", route, idempotency_key, body.model_dump_json(exclude=OF_AN_ITEM).encode())


def _json(reply: tuple[int, str]) -> Response:
    return Response(reply[1], reply[0], media_type="application/json")
