"""The runtime of payment_mock."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from contracts import payment_platform as platform
from contracts.faults import payment as named
from contracts.identity import NUMBER_CLAIM
from services.payment_mock import callbacks, faults, partners, store
from services.payment_mock.callbacks import CONFIRM, PAID, ma_loi_of, mo_ta_loi_of
from services.payment_mock.migrations import STEPS
from services.payment_mock.partners import Partner
from services.payment_mock.settings import Settings
from services.payment_mock.store import Order
from shared import http
from shared.errors import HeldByFault
from shared.messaging import http_outbox
from shared.messaging.http_outbox import Call, Callers
from shared.messaging.lanes import Place
from shared.receivers import AllowedHosts
from shared.runtime import Runtime
from shared.sandbox import journal, registry
from shared.sandbox.clock import wire
from shared.sandbox.faults import Firing
from shared.sentences import Sentence
from shared.storage.database import Connection
from shared.web.dependencies import runtime_of


class PaymentRuntime(Runtime):
    """The shared runtime plus the HTTP outbox, which sends CONFIRM to the partner."""

    caller_claim = NUMBER_CLAIM
    records = re.compile(r"POST /s/[^/]+/checkout/[^/]+/pay|(PUT|DELETE) /_lab/partners/[^/]+")

    def __init__(self, settings: Settings) -> None:
        super().__init__("payment", settings, settings.database_url, store.METADATA)
        self.payment = settings
        self.steps = STEPS
        self.allowed_hosts = AllowedHosts(settings.webhook_allowed_hosts)
        self.callers = Callers(self.database, {CONFIRM: self._confirm, PAID: self._tell_gateway})

    def portal(self, sandbox_id: str) -> Partner:
        """The portal as a partner: in each sandbox it signs with another secret."""
        secret = platform.partner_secret(self.payment.payment_partner_secret.get_secret_value(), sandbox_id)
        return Partner(sandbox_id, platform.PARTNER, "", secret, self.payment.confirm_url, self.payment.return_url)

    async def partner_of(self, connection: Connection, order: Order) -> Partner | None:
        """Who opened an order; None if it is no partner any more."""
        if order.partner == platform.PARTNER:
            return self.portal(order.sandbox)
        return await partners.with_code(connection, order.sandbox, order.partner)

    async def pending(self, sandbox_id: str) -> dict[str, Any]:
        in_flight = await http_outbox.in_flight(self.database, sandbox_id)
        # Read after `in_flight`: a call that is then no longer in flight, because a rule holds it, has its due time by now.
        due = await http_outbox.next_due(self.database, sandbox_id)
        now = (await registry.read(self.database, sandbox_id)).now
        return {
            "calls": in_flight,
            "timers_due": int(due is not None and due <= now),
            "next_due": wire(due) if due else None,
        }

    async def fire(self, sandbox_id: str, seconds: float = math.inf) -> list[dict[str, Any]]:
        """Release the CONFIRMs that a fault rule delayed until now."""
        released = await http_outbox.release(self.database, sandbox_id)
        self.callers.wake()
        return [{"at": wire(due), "service": self.service, "kind": kind, "subject": key} for kind, key, due in released]

    async def changed(self, sandbox_id: str) -> None:
        """If the clock runs, try delayed CONFIRMs again, because their due time has moved. For a frozen clock see `fire`."""
        row = await registry.row_of(self.database, sandbox_id)
        if row is not None and row["rate"] != 0:
            await self.rules_changed(sandbox_id)

    async def rules_changed(self, sandbox_id: str) -> None:
        """Try delayed CONFIRMs again; the new rules can delay them again."""
        await http_outbox.try_again(self.database, sandbox_id)
        self.callers.wake()

    async def pending_of(self, sandbox_id: str, subject: str, reader: Place | None) -> dict[str, Any]:
        """The orders of a dossier, with the CONFIRMs that are not sent yet."""
        return {"orders": await store.orders_of(self.database, sandbox_id, subject, CONFIRM)}

    async def timeline(self, sandbox_id: str, subject: str) -> list[dict[str, Any]]:
        return await journal.lines(self.database, self.service, sandbox_id, subject)

    async def _confirm(self, call: Call) -> None:
        """One attempt to send CONFIRM. Every reply except 5xx and 429 ends the call.

        raises  Unreachable, HeldByFault: the outbox then tries again
        """
        partner = await self._partner_of(call)
        if partner is None or not partner.confirm_url:  # it or its sandbox was deleted, or it wants none any more
            async with self.database.transaction() as connection:
                await http_outbox.done(connection, call)
            return
        firing, hold = await self._firing(call) if self.watches(call.sandbox, named.CONFIRM) else (None, None)
        secret = partner.secret
        if firing is not None and hold is not None:
            for message in faults.false_messages(firing, call.data, secret):
                await self._send(partner, call, message)
            raise hold
        *first, last = [call.data, *(faults.extra_messages(firing, call.data, secret) if firing is not None else [])]
        for message in first:
            await self._send(partner, call, message)
        await self._send(partner, call, last, ends=True)

    async def _partner_of(self, call: Call) -> Partner | None:
        async with self.database.transaction() as connection:
            order = await store.order_by_transaction(connection, call.sandbox, call.key)
            return await self.partner_of(connection, order) if order else None

    async def _tell_gateway(self, call: Call) -> None:
        """Tell the gateway that a partner was paid for a dossier. Every reply except 5xx and 429 ends the call."""
        url = f"{self.payment.province_gateway_url}/_lab/partner-payments"
        await http.call(self.internal, "POST", url, sandbox_id=call.sandbox, body=call.data)
        async with self.database.transaction() as connection:
            await http_outbox.done(connection, call)

    async def _firing(self, call: Call) -> tuple[Firing | None, HeldByFault | None]:
        """The rule that fires for this CONFIRM, and the error with which it delays the CONFIRM, if it does."""
        async with self.database.transaction() as connection:
            sandbox = (await registry.lock(connection, [call.sandbox])).get(call.sandbox)
            order = await store.order_by_transaction(connection, call.sandbox, call.key)
            if sandbox is None or order is None:  # the sandbox was deleted in the meantime; `_send` ends the call
                return None, None
            firing = await faults.confirmation_firing(connection, sandbox, order)
            return firing, await faults.hold_of(connection, sandbox, order, firing) if firing is not None else None

    async def _send(self, partner: Partner, call: Call, message: dict[str, Any], *, ends: bool = False) -> None:
        """Send one CONFIRM and note the reply. Raises Unreachable.

        ends  this message ends the call, and releases the CONFIRMs that waited to be overtaken by it
        """
        if partner.is_registered:
            response = await callbacks.post(self.allowed_hosts, partner, message)
        else:
            url = partner.confirm_url
            response = await http.call(self.http, "POST", url, sandbox_id=call.sandbox, body=message)
        ma_loi = ma_loi_of(response)
        async with self.database.transaction() as connection:
            sandbox = (await registry.lock(connection, [call.sandbox])).get(call.sandbox)
            order = await store.order_by_transaction(connection, call.sandbox, call.key)
            if ends:
                await http_outbox.done(connection, call)
            if sandbox is None or order is None:  # the sandbox was deleted in the meantime
                return
            if ends and (released := await faults.release_overtaken(connection, sandbox, call.key)):
                await http_outbox.try_again(connection, sandbox.id, released)
            if message == call.data:
                await store.save_order(connection, replace(order, confirm_answer=ma_loi))
            accepted = ma_loi == platform.OK
            await journal.note(
                connection,
                call.sandbox,
                order.subject,
                sandbox.now,
                "confirm_taken" if accepted else "confirm_refused",
                f"{_who(partner).vi} {'đã nhận' if accepted else 'từ chối'} CONFIRM {order.reference}",
                f"{_who(partner)} {'accepted' if accepted else 'refused'} the CONFIRM of {order.reference}",
                MaLoi=ma_loi,
                MoTaLoi=mo_ta_loi_of(response),
                reference=order.reference,
                http_status=response.status_code,
                attempts=call.attempts,
            )


def _who(partner: Partner) -> Sentence:
    """Who is told, at the beginning of a sentence."""
    if partner.is_registered:
        return Sentence(partner.code, partner.code)
    return Sentence("The portal", "Cổng")


async def payment_runtime(request: Request) -> PaymentRuntime:
    return cast(PaymentRuntime, runtime_of(request))


RuntimeDep = Annotated[PaymentRuntime, Depends(payment_runtime)]
