"""One more process of a role beside those of a stack."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from lienthong.embedded.plan import ROLES_BY_NAME, Plan
from lienthong.embedded.processes import with_parent


@asynccontextmanager
async def further_process(
    plan: Plan, role: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[int, str]]:
    """Start it on a port of its own; yields its pid and address, and stops it at the end. Its log is `further-ROLE`."""
    wanted = ROLES_BY_NAME[role]
    module, _, function = wanted.target.partition(":")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with plan.log(f"further-{role}").open("ab") as log:
        child = subprocess.Popen(  # noqa: ASYNC220  from the main thread: the kernel kills the child when the forking thread ends
            [sys.executable, "-P", "-c", f"from {module} import {function}; {function}()"],
            env={
                **plan.child_environment(),
                **plan.environment(wanted),
                wanted.url_variable: url,
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=with_parent(signal.SIGKILL),
            cwd="/",
        )
    try:
        yield child.pid, url
    finally:
        child.terminate()
        try:
            await asyncio.to_thread(child.wait, 15)
        except subprocess.TimeoutExpired:
            child.kill()
            await asyncio.to_thread(child.wait)
