"""The test doors that every service has: sandboxes told by the portal, firing, what is pending, the timeline."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request

from shared.runtime import Runtime, known_sandbox
from shared.web import SandboxId, Text, runtime_of

router = APIRouter(prefix="/_lab", tags=["lab"])
RuntimeDep = Annotated[Runtime, Depends(runtime_of)]


@router.put("/sandboxes/{sandbox}", summary="The portal tells a sandbox's new row.")
async def take_over_sandbox(
    sandbox: str, row: Annotated[dict[str, Any], Body()], runtime: RuntimeDep
) -> dict[str, Any]:
    await runtime.take_over({**row, "id": sandbox})
    return {"sandbox": sandbox, "pending": await runtime.pending(sandbox)}


@router.post("/sandboxes/{sandbox}/fire", summary="Fire what is due in a frozen sandbox.")
async def fire(sandbox: str, runtime: RuntimeDep) -> dict[str, Any]:
    return {"fired": await runtime.fire(sandbox)}


@router.get("/sandboxes/{sandbox}/pending", summary="What may still happen in a sandbox.")
async def pending(sandbox: str, runtime: RuntimeDep) -> dict[str, Any]:
    await known_sandbox(runtime, sandbox)
    return await runtime.pending(sandbox)


@router.get("/timeline/{subject}", summary="What this service knows of the story of a dossier.")
async def timeline(subject: Text, sandbox: SandboxId, runtime: RuntimeDep, request: Request) -> list[dict[str, Any]]:
    await known_sandbox(runtime, sandbox)
    return await runtime.timeline(sandbox, subject)
