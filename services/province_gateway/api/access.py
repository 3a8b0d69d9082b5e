"""Who speaks and is told at a door: the connector by its key, or the owner of the sandbox, who plays it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Security
from fastapi.openapi.models import HTTPBearer

from contracts.catalogue import current_province
from services.province_gateway.api.views import GatewayDep
from services.province_gateway.doors import connectors
from services.province_gateway.doors.connectors import Connector
from shared.runtime import known_sandbox
from shared.sandbox.names import DEFAULT
from shared.text import Text
from shared.web.dependencies import SANDBOX_KEY, Chosen, Credential

CONNECTOR_KEY = Credential(
    "ConnectorKey",
    "Authorization",
    HTTPBearer(
        description="The key of a province's connector, from `lienthong connect`; or the sandbox's own X-API-Key."
    ),
)
Authorization = Annotated[str | None, Security(CONNECTOR_KEY)]
OwnKey = Annotated[str | None, Security(SANDBOX_KEY)]


async def connector_of(
    province: Text, gateway: GatewayDep, chosen: Chosen, authorization: Authorization, own_key: OwnKey
) -> Connector:
    """The connector of the province, for itself or for the owner of the sandbox.

    raises  what `connectors.of_key` and `connectors.require_own_key` raise
    """
    if authorization is not None or chosen is None:
        return await connectors.of_key(gateway, authorization, province, chosen)
    await connectors.require_own_key(gateway, chosen, own_key)
    connectors.require_external(await known_sandbox(gateway, chosen), current_province(province))
    return Connector(chosen, province)


async def reader_of(province: Text, gateway: GatewayDep, chosen: Chosen, authorization: Authorization) -> Connector:
    """The connector about which somebody only reads: that of the key, else of the chosen sandbox, whatever its mode."""
    if authorization is not None:
        return await connectors.of_key(gateway, authorization, province, chosen)
    await known_sandbox(gateway, chosen or DEFAULT)
    return Connector(chosen or DEFAULT, current_province(province))


ConnectorDep = Annotated[Connector, Depends(connector_of)]
ReaderDep = Annotated[Connector, Depends(reader_of)]
