"""Runs an application under uvicorn."""

from __future__ import annotations

import asyncio
import gc
import sys

import uvicorn
from fastapi import FastAPI

from shared import http
from shared.observability import logs, spans
from shared.runtime import Runtime
from shared.settings import host_and_port

KEEP_ALIVE = 75  # s; longer than any client keeps an idle connection, so none is closed under a request


def serve(app: FastAPI, url: str) -> None:
    """Be the role whose address is `url`, until SIGTERM; requests under way are finished.

    It listens there unless its settings say elsewhere, and takes the detours to its neighbours that they name.
    A process that cannot start ends with status 1, its reason the last line of its log.
    """
    runtime: Runtime = app.state.runtime
    runtime.mounts = http.transports(runtime.settings.detours)
    host, port = host_and_port(runtime.settings.listen or url)
    spans.start(runtime.settings, logs.role)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
        loop="uvloop",
        timeout_keep_alive=KEEP_ALIVE,
    )
    server, reasons = uvicorn.Server(config), []

    def give_up(reason: str) -> None:
        reasons.append(reason)
        server.should_exit = True

    runtime.give_up = give_up
    gc.freeze()  # what is there now stays: no collection looks at it again
    gc.set_threshold(20_000, 20, 50)  # requests leave few cycles behind; the default looks several times in each
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve())
    if reasons:
        print(reasons[0], file=sys.stderr)
        raise SystemExit(1)
