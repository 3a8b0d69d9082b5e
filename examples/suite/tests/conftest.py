"""Our client, connected to the sandbox of each test. The plugin of lienthong provides `lienthong_sync` and `sandbox_sync`."""

from __future__ import annotations

import pytest
from client import Citizen, Officer

from lienthong.sync import Country, Sandbox


@pytest.fixture
def lan(lienthong_sync: Country, sandbox_sync: Sandbox) -> Citizen:
    told = sandbox_sync.show()
    return Citizen(lienthong_sync.url, told["issuer"], told["oidc_client"], "lan")


@pytest.fixture
def ninh_binh(lienthong_sync: Country, sandbox_sync: Sandbox) -> Officer:
    return Officer(lienthong_sync.doors["province_gateway"], sandbox_sync.show()["api_key"], "37")
