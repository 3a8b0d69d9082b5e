"""Faults of the broker and of the way to it."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from tools.prove.scene import DATABASES, NotConverged, Scene

FORGETS = "lienthong_broker_forgets_total"
POSTED = "lienthong_events_posted_total"
WAY_SECONDS = 4.0  # how long the way to a server is bad
DELAY_SECONDS = 0.2  # that every piece waits on a slow way, in each direction
CUTS = 5  # how often all connections are cut in that time


async def wipe_broker(scene: Scene) -> str:
    """The broker restarts empty: the relays must detect this and publish everything again."""
    scene.wiped = True
    before = scene.counters.total(FORGETS)
    await asyncio.to_thread(scene.stack.restart_kafka, wipe=True, number=signal.SIGKILL)

    async def detected() -> bool:
        return scene.counters.total(FORGETS) > before

    with suppress(NotConverged):
        await scene.until("no relay detected that the broker lost its data", detected, 20.0)
    lanes = scene.counters.total(FORGETS) - before
    return f"{lanes:.0f} lanes lost and published again" if lanes else ""


async def replay_everything(scene: Scene) -> str:
    """Request all events of the lanes' current epoch again: the readers get them twice and must skip them."""
    before, requested = scene.counters.total(POSTED), 0
    for service in DATABASES:
        rows = await scene.fetch(service, "SELECT lane, sent_epoch, sent_number FROM lanes_out WHERE sent_number > 0")
        await scene.request_replays(service, {lane: epoch for lane, epoch, _ in rows})
        requested += sum(number for _, _, number in rows)

    async def replayed() -> bool:
        return scene.counters.total(POSTED) - before >= requested

    with suppress(NotConverged):
        await scene.until("the requested events were not published again", replayed, 20.0)
        return f"{requested:,} events published again" if requested else ""
    return ""


async def slow_broker(scene: Scene) -> str:
    """Every piece between broker and workers is late."""
    proxy, before = scene.proxies["kafka"], scene.counters.total(POSTED)
    proxy.delay = DELAY_SECONDS
    try:
        await asyncio.sleep(WAY_SECONDS)
    finally:
        proxy.delay = 0.0
    sent = scene.counters.total(POSTED) - before
    return f"{sent:.0f} events sent meanwhile, every piece {DELAY_SECONDS:g} s late" if sent else ""


async def cut_broker(scene: Scene) -> str:
    """Every connection to the broker is cut, again and again."""
    cut = 0
    for _ in range(CUTS):
        cut += scene.proxies["kafka"].cut()
        await asyncio.sleep(WAY_SECONDS / CUTS)
    return f"{cut} connections cut" if cut else ""


async def half_open_broker(scene: Scene) -> str:
    """Connections to the broker stay open, and nothing arrives; then they are gone."""
    proxy = scene.proxies["kafka"]
    proxy.go_mute()
    try:
        await asyncio.sleep(WAY_SECONDS)
    finally:
        held = proxy.speak_again()
    return f"{held} connections were mute for {WAY_SECONDS:g} s" if held else ""


async def worker_without_broker(scene: Scene) -> str:
    return await _shut_out(scene, "kafka")


async def worker_without_database(scene: Scene) -> str:
    return await _shut_out(scene, "postgres")


async def _shut_out(scene: Scene, server: str) -> str:
    """One worker cannot reach one server; everything else can."""
    proxy, role = scene.proxies[server], scene.rng.choice(("portal-worker", "gateway-worker"))
    pid = int((await scene.process(role))["pid"])
    proxy.shut_out, before = pid, proxy.refused
    try:
        cut = proxy.cut(pid)
        await asyncio.sleep(WAY_SECONDS)
    finally:
        proxy.shut_out = 0
    refused = proxy.refused - before
    return f"{role}: {cut} connections to {server} cut, {refused} new ones refused" if cut and refused else ""
