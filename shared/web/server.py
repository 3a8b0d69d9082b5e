"""Runs an application under uvicorn."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys

import uvicorn
from fastapi import FastAPI

from shared import http
from shared.observability import logs, spans
from shared.runtime import Runtime
from shared.settings import host_and_port
from shared.web.connection import Connection

KEEP_ALIVE = 75  # s; longer than our client keeps an idle connection, so the server never closes one that is in use


class _Server(uvicorn.Server):
    """As uvicorn's; the runtime learns that it stops before it waits for the requests in progress."""

    def __init__(self, config: uvicorn.Config, runtime: Runtime) -> None:
        super().__init__(config)
        self._runtime = runtime

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._runtime.stopping.set()
        await super().shutdown(sockets)


def serve(app: FastAPI, url: str) -> None:
    """Serve `app` until SIGTERM. Requests in progress are finished first.

    It listens at the host and port of `url`, unless the setting LISTEN names others. It reaches its peers at their
    internal addresses, if the settings name any. A process that cannot start ends with status 1; the last line of its
    log is the reason.
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
        http=Connection,
        ws="none",
        timeout_keep_alive=KEEP_ALIVE,
    )
    server, reasons = _Server(config, runtime), []

    def give_up(reason: str) -> None:
        reasons.append(reason)
        server.should_exit = True

    runtime.give_up = give_up
    gc.freeze()  # everything loaded so far is permanent; the collector does not scan it again
    gc.set_threshold(
        20_000, 20, 50
    )  # requests create few cycles; with the default the collector runs several times in each
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve())
    if reasons:
        print(reasons[0], file=sys.stderr)
        raise SystemExit(1)
