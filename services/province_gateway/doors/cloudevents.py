"""A delivery as a CloudEvent in structured form (CloudEvents 1.0, JSON format), with addresses of its papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from services.province_gateway.doors.deliveries import Delivery
from shared.errors import NotReady
from shared.http import Unreachable, call
from shared.runtime import Runtime
from shared.sandbox.clock import wire

EVENT, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
File = tuple[str, str]  # SHA-256, name


async def structured(runtime: Runtime, sandbox_id: str, deliveries: Sequence[Delivery]) -> list[dict[str, Any]]:
    """The structured form of each delivery; its `data` is a msgspec.Raw unless it has papers.

    raises  NotReady if there are papers, and the portal, which signs their addresses, does not reply
    """
    bodies = [_with_papers(delivery) for delivery in deliveries]
    addresses = await _addresses(runtime, sandbox_id, {file for body in bodies for file in _files_of(body)})
    return [
        _event(
            runtime, sandbox_id, delivery, _addressed(body, addresses) if body else msgspec.Raw(delivery.body.encode())
        )
        for delivery, body in zip(deliveries, bodies, strict=True)
    ]


def _event(runtime: Runtime, sandbox_id: str, delivery: Delivery, data: Any) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": delivery.id,
        "source": delivery.source,
        "type": delivery.type,
        "subject": delivery.dossier,
        "time": wire(delivery.at),
        "datacontenttype": "application/json",
        "dataschema": f"{runtime.settings.portal_url}/schemas/{delivery.type}.json",
        "sandbox": sandbox_id,
        "dossierversion": delivery.version or "",  # 0: of no version
        "delivery": delivery.number,
        "traceparent": delivery.traceparent,
        "data": data,
    }
    return {name: value for name, value in event.items() if value != ""}


def _with_papers(delivery: Delivery) -> dict[str, Any] | None:
    """The parsed body, if it names files."""
    return msgspec.json.decode(delivery.body) if '"sha256"' in delivery.body else None


def _files_of(body: Mapping[str, Any] | None) -> list[File]:
    papers = body.get("papers", ()) if body else ()
    return [(paper["sha256"], paper.get("name", "")) for paper in papers if "sha256" in paper]


def _addressed(body: Mapping[str, Any], addresses: Mapping[File, str]) -> dict[str, Any]:
    """The body, with the member `address` in each paper that has a file."""
    papers = [
        {**paper, "address": addresses[paper["sha256"], paper.get("name", "")]} if "sha256" in paper else paper
        for paper in body.get("papers", ())
    ]
    return {**body, "papers": papers}


async def _addresses(runtime: Runtime, sandbox_id: str, files: set[File]) -> dict[File, str]:
    """A signed address of each file, from the portal, which has the files."""
    if not files:
        return {}
    url = f"{runtime.settings.portal_url}/_lab/sandboxes/{sandbox_id}/addresses"
    ordered = sorted(files)
    body = {"files": [{"sha256": sha256, "name": name} for sha256, name in ordered]}
    try:
        response = await call(runtime.internal, "POST", url, body=body)
    except Unreachable as error:
        detail = "The portal, which signs the addresses of papers, does not reply; ask again."
        raise NotReady(detail, waits_for=["portal"]) from error
    if response.status_code != 200:
        raise NotReady("The portal signs no addresses now; ask again.", waits_for=["portal"])
    return dict(zip(ordered, response.json()["addresses"], strict=True))
