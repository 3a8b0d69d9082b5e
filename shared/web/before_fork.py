"""Imported last by the process from which the roles are forked: what each of them would do and import for itself."""

# ruff: noqa: F401 - imported for others, who would do so late

from __future__ import annotations

import encodings.idna
import secrets

import anyio._backends._asyncio
import fastapi.telemetry._runtime
import httpcore
import uvicorn.lifespan.on
import uvicorn.loops.uvloop
import uvicorn.protocols.http.httptools_impl

from shared.observability import logs
from shared.settings import Settings

# To read the settings asks of each type whether it is a model, for which Python looks at all models; it keeps the answer.
Settings(SERVICE_SECRET=secrets.token_hex())
logs.prepare()
