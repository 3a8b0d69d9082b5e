"""Our client in the sandbox of each test. The plugin provides `lienthong_sync` and `sandbox_sync`."""

from __future__ import annotations

import pytest
from client import Citizen, Officer

from lienthong.sync import Country, Sandbox


@pytest.fixture
def lan(lienthong_sync: Country, sandbox_sync: Sandbox) -> Citizen:
    connection = sandbox_sync.show()
    return Citizen(lienthong_sync.url, connection["issuer"], connection["oidc_client"], "lan")


@pytest.fixture
def ninh_binh(lienthong_sync: Country, sandbox_sync: Sandbox) -> Officer:
    return Officer(lienthong_sync.doors["province_gateway"], sandbox_sync.show()["api_key"], "37")
