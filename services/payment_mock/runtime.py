"""The runtime of payment_mock."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

from contracts import payment_platform as platform
from contracts.faults import payment as named
from contracts.identity import NUMBER_CLAIM
from services.payment_mock import faults, store
from services.payment_mock.callbacks import CONFIRM, ma_loi_of, mo_ta_loi_of
from services.payment_mock.settings import Settings
from shared import http
from shared.errors import HeldByFault
from shared.messaging import http_outbox
from shared.messaging.http_outbox import Call, Callers
from shared.messaging.lanes import Place
from shared.runtime import Runtime
from shared.sandbox import journal, registry
from shared.sandbox.clock import wire
from shared.sandbox.faults import Firing


class PaymentRuntime(Runtime):
    """The shared runtime plus the HTTP outbox, which sends CONFIRM to the partner."""

    caller_claim = NUMBER_CLAIM
    records = re.compile(r"POST /s/[^/]+/checkout/[^/]+/pay")

    def __init__(self, settings: Settings) -> None:
        super().__init__("payment", settings, settings.database_url, store.METADATA)
        self.payment = settings
        self.callers = Callers(self.database, {CONFIRM: self._confirm})

    def secret(self, sandbox_id: str) -> str:
        """The secret with which the platform and the partner sign messages in one sandbox."""
        return platform.partner_secret(self.payment.payment_partner_secret.get_secret_value(), sandbox_id)

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
        firing, hold = await self._firing(call) if self.watches(call.sandbox, named.CONFIRM) else (None, None)
        secret = self.secret(call.sandbox)
        if firing is not None and hold is not None:
            for message in faults.false_messages(firing, call.data, secret):
                await self._send(call, message)
            raise hold
        *first, last = [call.data, *(faults.extra_messages(firing, call.data, secret) if firing is not None else [])]
        for message in first:
            await self._send(call, message)
        await self._send(call, last, ends=True)

    async def _firing(self, call: Call) -> tuple[Firing | None, HeldByFault | None]:
        """The rule that fires for this CONFIRM, and the error with which it delays the CONFIRM, if it does."""
        async with self.database.transaction() as connection:
            sandbox = (await registry.lock(connection, [call.sandbox])).get(call.sandbox)
            order = await store.order_by_transaction(connection, call.sandbox, call.key)
            if sandbox is None or order is None:  # the sandbox was deleted in the meantime; `_send` ends the call
                return None, None
            firing = await faults.confirmation_firing(connection, sandbox, order)
            return firing, await faults.hold_of(connection, sandbox, order, firing) if firing is not None else None

    async def _send(self, call: Call, message: dict[str, Any], *, ends: bool = False) -> None:
        """Send one CONFIRM and note the reply. Raises Unreachable.

        ends  this message ends the call, and releases the CONFIRMs that waited to be overtaken by it
        """
        url = self.payment.confirm_url
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
                f"Cổng {'đã nhận' if accepted else 'từ chối'} CONFIRM {order.reference}",
                f"The portal {'accepted' if accepted else 'refused'} the CONFIRM of {order.reference}",
                MaLoi=ma_loi,
                MoTaLoi=mo_ta_loi_of(response),
                reference=order.reference,
                http_status=response.status_code,
                attempts=call.attempts,
            )
