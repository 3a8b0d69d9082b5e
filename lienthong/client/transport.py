"""The HTTP client of programs and of verbs with parallel requests."""

from __future__ import annotations

import ssl
from typing import Any

import certifi
import httpx

LIMITS = httpx.Limits(max_connections=32, max_keepalive_connections=32, keepalive_expiry=60)


def http_client() -> httpx.AsyncClient:
    """An HTTP client with settings for services on this machine.

    Its idle connections live 60 s, nearly as long as the server's (75 s): when several expire at once, httpcore closes
    them one after the other, and by then a request may already use the second one.
    """
    certificates = Certificates(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(timeout=30.0, limits=LIMITS, trust_env=False, verify=certificates)


class Certificates(ssl.SSLContext):
    """Reads the known authorities at the first connection with TLS: it takes 20 ms, and most countries have none."""

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        self._read()
        return super().wrap_bio(*args, **options)

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        self._read()
        return super().wrap_socket(*args, **options)

    def _read(self) -> None:
        if not self.cert_store_stats()["x509_ca"]:
            self.load_verify_locations(certifi.where())
