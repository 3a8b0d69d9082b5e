"""What a province's own connector meets at its door: each fault bites, and in the end it was told everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from lienthong.client import Connector
from tests.e2e.faults.story import Stories
from tests.support.receiver import Received, receiving, status
from tests.support.trouble import PROVINCE, Trouble

STORIES = Stories()
SUBMITTED, RECEIVED, DEMANDED = "dossier.submitted.v1", "dossier.received.v1", "dossier.fee_demanded.v1"
PAID = "payment.confirmed.v1"
HISTORY = [SUBMITTED, RECEIVED, DEMANDED]  # of a dossier whose fee is due


@asynccontextmanager
async def connected(trouble: Trouble, via: str = "pull", url: str | None = None) -> AsyncIterator[Connector]:
    """A connector decides inside the block; then the officers go on."""
    connector = await trouble.sandbox.connect(PROVINCE, via, url=url)
    yield connector
    await connector.disconnect()


async def told(connector: Connector) -> list[dict[str, Any]]:
    """Everything that it was told so far, which it acknowledges."""
    events = await connector.deliveries()
    assert [event["delivery"] for event in events] == list(range(1, len(events) + 1))
    if events:
        await connector.keep_cursor("story", events[-1]["delivery"])
    return events


async def types(connector: Connector) -> list[str]:
    return [event["type"] for event in await told(connector)]


async def ask(trouble: Trouble, connector: Connector) -> httpx.Response:
    """A request of the connector's own program."""
    headers = {"Authorization": f"Bearer {connector.key}"}
    return await trouble.http.get(connector.credentials["events"], headers=headers)


async def held(trouble: Trouble, fault: str) -> None:
    """Settle names this fault as the only reason; that the connector can speak at any time is no reason."""
    verdict = await trouble.sandbox.settle()
    reasons = [each for each in verdict["waiting_for"] if each["name"] != "connector"]
    assert verdict["verdict"] == "held" and [each["name"] for each in reasons] == ["held-by-fault"], verdict
    assert fault in reasons[0]["detail"]


async def paid(trouble: Trouble, code: str) -> None:
    await trouble.lan.pay(code)
    await trouble.sandbox.settle()


# --- when, and in which order -------------------------------------------------------------------------------------------
@STORIES.of("delivery-doubled")
async def it_comes_twice(trouble: Trouble) -> None:
    code = await trouble.owing()
    async with trouble.on("delivery-doubled", code, match={"type": PAID}), connected(trouble) as connector:
        await paid(trouble, code)
        events = await told(connector)
        assert [event["type"] for event in events] == [*HISTORY, PAID, PAID]
        assert len({event["id"] for event in events}) == 4


@STORIES.of("delivery-late")
async def it_comes_late(trouble: Trouble) -> None:
    code = await trouble.owing()
    by = {"by": "1h"}
    async with (
        connected(trouble) as connector,
        trouble.on("delivery-late", code, match={"province": PROVINCE}, settings=by),
    ):
        await paid(trouble, code)
        assert await types(connector) == HISTORY
        await held(trouble, "delivery-late")
        assert f"{PAID} (delivery-late)" in str(await trouble.sandbox.explain(code))
        await trouble.sandbox.clock.advance("1h")
        assert await types(connector) == [*HISTORY, PAID]


@STORIES.of("delivery-reordered-across-dossiers")
async def two_dossiers_change_places(trouble: Trouble) -> None:
    first, second = sorted([await trouble.owing(), await trouble.owing()])
    async with (
        trouble.on("delivery-reordered-across-dossiers", first, match={"dossier": first}, times=1),
        connected(trouble) as connector,
    ):
        events = await told(connector)
        assert [event["subject"] for event in events[:2]] == [second, first] and len(events) == 6
        for code in (first, second):
            assert [event["type"] for event in events if event["subject"] == code] == HISTORY


@STORIES.of("delivery-reordered-within-dossier")
async def one_dossier_comes_in_the_wrong_order(trouble: Trouble) -> None:
    code = await trouble.owing()
    match = {"type": SUBMITTED}
    async with (
        trouble.on("delivery-reordered-within-dossier", code, match=match),
        connected(trouble) as connector,
    ):
        assert await types(connector) == [RECEIVED, SUBMITTED, DEMANDED]


@STORIES.of("delivery-gap")
async def one_is_missing_and_comes_later(trouble: Trouble) -> None:
    code = await trouble.owing()
    async with trouble.on("delivery-gap", code, match={"type": RECEIVED}), connected(trouble) as connector:
        assert await types(connector) == [SUBMITTED, DEMANDED]
        await trouble.sandbox.clock.advance("1d")
        assert await types(connector) == [SUBMITTED, DEMANDED, RECEIVED]


@STORIES.of("delivery-held")
async def nothing_comes(trouble: Trouble) -> None:
    code = await trouble.owing()
    async with connected(trouble) as connector:
        async with trouble.on("delivery-held", code, match={"dossier": code}):
            await paid(trouble, code)
            assert await types(connector) == HISTORY
            await held(trouble, "delivery-held")
        assert await types(connector) == [*HISTORY, PAID]


# --- what is in it ------------------------------------------------------------------------------------------------------
@STORIES.of("delivery-unknown-field")
async def it_has_a_member_that_nobody_knows(trouble: Trouble) -> None:
    code = await trouble.owing()
    async with trouble.on("delivery-unknown-field", code, match={"type": PAID}), connected(trouble) as connector:
        await paid(trouble, code)
        more = [event["type"] for event in await told(connector) if "added_by_a_later_version" in event["data"]]
        assert more == [PAID]


@STORIES.of("delivery-newer-type")
async def a_type_that_nobody_knows_comes_before_it(trouble: Trouble) -> None:
    code = await trouble.owing()
    async with trouble.on("delivery-newer-type", code, match={"type": PAID}), connected(trouble) as connector:
        await paid(trouble, code)
        assert await types(connector) == [*HISTORY, "dossier.rated.v2", PAID]


@STORIES.of("delivery-connection-cut")
async def the_reply_ends_in_the_middle(trouble: Trouble) -> None:
    code = await trouble.owing()
    async with trouble.on("delivery-connection-cut", code, match={"type": PAID}), connected(trouble) as connector:
        await paid(trouble, code)
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(trouble, connector)
        assert len((await ask(trouble, connector)).json()) == 4


PATIENCE = 60.0  # s


# --- how a webhook is signed and written --------------------------------------------------------------------------------
async def acknowledged(trouble: Trouble) -> None:
    """Waits until the connector has acknowledged everything; a delivery that failed is tried again a minute later."""
    while True:
        await trouble.sandbox.settle()
        (row,) = [row for row in await trouble.sandbox.connectors() if row["province"] == PROVINCE]
        if not row["waiting"]:
            return
        await trouble.sandbox.clock.advance("1m")


async def received(trouble: Trouble, fault: str, *answers: int) -> tuple[list[Received], Webhook]:
    """The requests with the confirmed payment while the rule is on, and what verifies them."""
    code = await trouble.owing()
    async with receiving() as receiver, connected(trouble, "webhook", receiver.url) as connector:
        async with trouble.on(fault, code, match={"type": PAID}), asyncio.timeout(PATIENCE):
            await acknowledged(trouble)
            before = len(receiver.received)
            receiver.answers = [status(each) for each in (*answers, 204)]
            await paid(trouble, code)
            await trouble.sandbox.clock.advance("1m")  # a busy machine may send the first one only after an advance
            await acknowledged(trouble)
        return receiver.received[before:], Webhook(connector.credentials["secret"])


@STORIES.of("delivery-bad-signature")
async def the_signature_does_not_fit(trouble: Trouble) -> None:
    (wrong, right), webhook = await received(trouble, "delivery-bad-signature", 401)
    with pytest.raises(WebhookVerificationError):
        webhook.verify(wrong.body, wrong.headers)
    assert webhook.verify(right.body, right.headers)["type"] == PAID


@STORIES.of("delivery-expired-timestamp")
async def the_signature_is_an_hour_old(trouble: Trouble) -> None:
    (old, now), webhook = await received(trouble, "delivery-expired-timestamp", 401)
    with pytest.raises(WebhookVerificationError, match="old"):
        webhook.verify(old.body, old.headers)
    assert webhook.verify(now.body, now.headers)["type"] == PAID


@STORIES.of("delivery-other-mode")
async def it_comes_binary(trouble: Trouble) -> None:
    (one,), webhook = await received(trouble, "delivery-other-mode")
    assert one.headers["ce-type"] == PAID and "dossier_code" in webhook.verify(one.body, one.headers)


# --- who may speak, and what is answered --------------------------------------------------------------------------------
@STORIES.of("credential-revoked")
async def the_key_is_refused(trouble: Trouble) -> None:
    await trouble.owing()
    async with connected(trouble) as connector:
        async with trouble.on("credential-revoked", "*", match={"province": PROVINCE}):
            refused = await ask(trouble, connector)
            assert refused.status_code == 401 and refused.json()["rule"] == "credential-revoked"
        assert await types(connector) == HISTORY


@STORIES.of("verdict-late")
async def the_verdict_comes_late(trouble: Trouble) -> None:
    code = await trouble.submitted()
    async with connected(trouble) as connector:
        await told(connector)
        async with trouble.on("verdict-late", code, settings={"by": "2h"}):
            assert (await connector.trigger(RECEIVED, code))["outcome"] == "late"
            assert await connector.verdicts() == []
            verdict = await trouble.sandbox.settle()
            assert any("verdict-late" in each["detail"] for each in verdict["waiting_for"])
            await trouble.sandbox.clock.advance("2h")
            (late,) = await connector.verdicts()
            assert late["outcome"] == "accepted" and late["became"]["state"] == "received"
        assert (await connector.trigger(DEMANDED, code))["outcome"] == "accepted"
