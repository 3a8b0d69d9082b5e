"""The connectors of a sandbox, for its owner: credentials, and what is known of each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Request, Response, Security
from pydantic import BaseModel

from contracts.catalogue import PROVINCES, agency_code, current_province
from contracts.modes import LEGACY, WEBHOOK
from contracts.views import Moment
from services.province_gateway.api.stream import until_new
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.doors import connectors, kafka_opening
from services.province_gateway.doors.connectors import Credentials, NotConnected, Report
from services.province_gateway.doors.kafka_opening import KafkaLogin
from services.province_gateway.legacy.sessions import login_of
from services.province_gateway.runtime import Gateway
from shared.runtime import has_effect
from shared.text import Text
from shared.web.dependencies import SANDBOX_KEY, SandboxId
from shared.web.paging import PageDep, announce
from shared.web.problems import problem_responses
from shared.web.router import Router

router = Router(prefix="/api/v1", tags=["connectors"])
OwnKey = Annotated[str | None, Security(SANDBOX_KEY)]
OPENING_SECONDS = 5.0  # usually 0.3 s; less than a client waits for a reply
PATH = "/provinces/{province}/connector"


class KafkaView(BaseModel):
    """What a connector over Kafka signs in with, and the names that it uses.

    The names of its consumer groups begin with `group_prefix`. `is_open` false: the broker does not reply now; the user can
    sign in as soon as it does. `security_protocol` is then empty, if the door was never open.
    """

    bootstrap: str
    security_protocol: str
    mechanism: str
    user: str
    password: str
    inbox: str
    outbox: str
    verdicts: str
    group_prefix: str
    is_open: bool


class LegacyView(BaseModel):
    """What a client of the adapter API is configured with: one base URL, and endpoints that it appends.

    `wrapper`: base for clients that send bare arrays without a session; who knows it needs no password. `agency`: `madonvi`.
    """

    base: str
    login: str
    share: str
    integration: str
    wrapper: str
    username: str
    password: str
    agency: str

    @classmethod
    def of(cls, gateway: Gateway, drawn: Credentials) -> LegacyView:
        base = f"{gateway.settings.province_gateway_url}/legacy"
        return cls(
            base=base,
            login="/login",
            share="/share",
            integration="/integration",
            wrapper=f"{base}/{drawn.secret}",
            username=login_of(drawn.connector),
            password=drawn.secret,
            agency=agency_code(drawn.connector.province),
        )


class CredentialsView(BaseModel):
    """What a connector needs. Key and secret are shown only here; those before are valid until `previous_key_until` (real time).

    `secret`: verifies the signatures of webhooks, null for another door. `kafka` and `legacy` are null behind the other
    doors; the password over Kafka replaces the one before.
    """

    sandbox: str
    province: str
    key: str
    secret: str | None
    previous_key_until: Moment | None
    events: str
    check: str
    verdicts: str
    kafka: KafkaView | None
    legacy: LegacyView | None

    @classmethod
    def of(cls, gateway: Gateway, drawn: Credentials, login: KafkaLogin | None) -> CredentialsView:
        base = f"{gateway.settings.province_gateway_url}/api/v1/provinces/{drawn.connector.province}"
        return cls(
            sandbox=drawn.connector.sandbox_id,
            province=drawn.connector.province,
            key=drawn.key,
            secret=drawn.secret if drawn.via == WEBHOOK else None,
            previous_key_until=drawn.previous_until,
            events=f"{base}/events",
            check=f"{base}/check",
            verdicts=f"{base}/verdicts",
            kafka=KafkaView(**asdict(login)) if login else None,
            legacy=LegacyView.of(gateway, drawn) if drawn.via == LEGACY else None,
        )


class ConnectorView(BaseModel):
    """A province's connector. Times are real time.

    `via`: its door, null if the province is not external now; `waiting`: deliveries that it has not acknowledged, the
    oldest of `waiting_since`, `given_up` of them not sent any more; `last_error`: of the last webhook; `deliveries`:
    number of the last one; `verdicts`: outcome → how many; `adapter`: only over the adapter API: its profile, and the
    members that are otherwise than in it.
    """

    province: str
    name_vi: str
    name_en: str
    via: str | None
    url: str | None
    gate: str | None
    adapter: dict[str, Any] | None
    has_key: bool
    heard_at: Moment | None
    said_at: Moment | None
    waiting: int
    waiting_since: Moment | None
    given_up: int
    last_error: str
    deliveries: int
    verdicts: dict[str, int]

    @classmethod
    def of(cls, report: Report) -> ConnectorView:
        province = PROVINCES[report.province]
        facts = {**asdict(report), "via": report.via or None}
        return cls(name_vi=province.name_vi, name_en=province.name_en, **facts)


@router.get("/connectors", summary="The connectors of the sandbox.", responses=problem_responses(404, 422))
async def list_connectors(
    sandbox: SandboxId, gateway: GatewayDep, page: PageDep, request: Request, response: Response
) -> list[ConnectorView]:
    reports = announce(request, response, page.of(await connectors.reports(gateway, sandbox)))
    return [ConnectorView.of(report) for report in reports]


@router.post(
    PATH,
    summary="Draw a key for the connector of a province; an earlier key stays valid for a day.",
    status_code=201,
    responses=problem_responses(401, 404, 409, 503),
)
async def draw_key(province: Text, sandbox: SandboxId, own_key: OwnKey, gateway: GatewayDep) -> CredentialsView:
    await connectors.require_own_key(gateway, sandbox, own_key)
    drawn = await connectors.draw(gateway, sandbox, province)
    await gateway.ring_webhooks(sandbox)
    return CredentialsView.of(gateway, drawn, await _login(gateway, sandbox, province))


async def _login(gateway: Gateway, sandbox: str, province: str) -> KafkaLogin | None:
    """The login at the Kafka door, if it is one; waits until the worker has opened it, at most OPENING_SECONDS."""

    async def look() -> list[KafkaLogin | None]:
        login = await kafka_opening.login(gateway.database, gateway.settings, sandbox, province)
        return [] if login is not None and not login.is_open else [login]

    wait = OPENING_SECONDS if has_effect.get() else 0
    found = await until_new(gateway, (sandbox, province), look, wait)
    return found[0] if found else await kafka_opening.login(gateway.database, gateway.settings, sandbox, province)


@router.get(PATH, summary="The connector of a province, without secrets.", responses=problem_responses(404, 409))
async def connector(province: Text, sandbox: SandboxId, gateway: GatewayDep) -> ConnectorView:
    current_province(province)
    for report in await connectors.reports(gateway, sandbox):
        if report.province == province:
            return ConnectorView.of(report)
    detail = f"Connect it first: `lienthong connect --province {province} --via pull --sandbox {sandbox}`."
    raise NotConnected(detail, province=province)


@router.delete(
    PATH,
    summary="Revoke the keys of a province's connector, at once.",
    status_code=204,
    response_class=Response,
    responses=problem_responses(401, 404, 503),
)
async def revoke_keys(province: Text, sandbox: SandboxId, own_key: OwnKey, gateway: GatewayDep) -> Response:
    await connectors.require_own_key(gateway, sandbox, own_key)
    await connectors.revoke(gateway, sandbox, province)
    return Response(status_code=204)
