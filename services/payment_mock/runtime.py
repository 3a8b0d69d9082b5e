"""What a process of payment_mock holds."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from contracts import payment_platform as platform
from contracts.faults import payment as named
from contracts.identity import NUMBER_CLAIM
from services.payment_mock import faults, store
from services.payment_mock.callbacks import CONFIRM, _ma_loi, _why
from services.payment_mock.migrations import STEPS
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
    """Holds the callers that carry CONFIRM to the partner."""

    caller_claim = NUMBER_CLAIM
    records = re.compile(r"POST /s/[^/]+/checkout/[^/]+/pay")

    def __init__(self, settings: Settings) -> None:
        super().__init__("payment", settings, settings.database_url, store.METADATA)
        self.payment = settings
        self.steps = STEPS
        self.callers = Callers(self.database, {CONFIRM: self._confirm})

    def secret(self, sandbox: str) -> str:
        """What signs to and from the partner in one sandbox."""
        return platform.partner_secret(self.payment.payment_partner_secret.get_secret_value(), sandbox)

    async def pending(self, sandbox: str) -> dict[str, Any]:
        flying = await http_outbox.in_flight(self.database, sandbox)
        due = await http_outbox.next_due(
            self.database, sandbox
        )  # after: who is seen to be held has its due moment by now
        now = (await registry.read(self.database, sandbox)).now
        return {
            "calls": flying,
            "timers_due": int(due is not None and due <= now),
            "next_due": wire(due) if due else None,
        }

    async def fire(self, sandbox: str) -> list[dict[str, Any]]:
        """Confirmations that a fault held until now go on."""
        released = await http_outbox.release(self.database, sandbox)
        self.callers.wake()
        return [{"at": wire(due), "service": self.service, "kind": kind, "subject": key} for kind, key, due in released]

    async def changed(self, sandbox: str) -> None:
        """A clock that runs is another now: what a rule holds until some moment is planned anew. A frozen one has `fire`."""
        row = await registry.row_of(self.database, sandbox)
        if row is not None and row["rate"] != 0:
            await self.rules_changed(sandbox)

    async def rules_changed(self, sandbox: str) -> None:
        """What was held is told now, or held again by what rules there are."""
        await http_outbox.try_again(self.database, sandbox)
        self.callers.wake()

    async def pending_of(self, sandbox: str, subject: str, reader: Place | None) -> dict[str, Any]:
        """The orders of a dossier, and what is still to be told of them."""
        return {"orders": await store.orders_of(self.database, sandbox, subject, CONFIRM)}

    async def timeline(self, sandbox: str, subject: str) -> list[dict[str, Any]]:
        return await journal.lines(self.database, self.service, sandbox, subject)

    async def _confirm(self, call: Call) -> None:
        """Tell the partner once; any answer but silence, 5xx and 429 ends it. Raises Unreachable, HeldByFault to be asked again."""
        bite, held = await self._in_the_way(call) if self.watches(call.sandbox, named.CONFIRM) else (None, None)
        secret = self.secret(call.sandbox)
        if bite is not None and held is not None:
            for lie in faults.instead(bite, call.data, secret):
                await self._tell(call, lie)
            raise held
        *first, last = [call.data, *(faults.besides(bite, call.data, secret) if bite is not None else [])]
        for message in first:
            await self._tell(call, message)
        await self._tell(call, last, ends=True)

    async def _in_the_way(self, call: Call) -> tuple[Firing | None, HeldByFault | None]:
        """What goes wrong with this confirmation, and whether it is held back by that."""
        async with self.database.transaction() as connection:
            here = (await registry.lock(connection, [call.sandbox])).get(call.sandbox)
            order = await store.order_by_transaction(connection, call.sandbox, call.key)
            if here is None or order is None:  # the sandbox was deleted meanwhile; `_tell` ends the call
                return None, None
            bite = await faults.at_confirmation(connection, here, order)
            return bite, await faults.held(connection, here, order, bite) if bite is not None else None

    async def _tell(self, call: Call, message: dict[str, Any], *, ends: bool = False) -> None:
        """Send one CONFIRM and note the answer. Raises Unreachable.

        ends  the call is over with it, and who waited until this was told goes on
        """
        url = self.payment.confirm_url
        response = await http.call(self.http, "POST", url, sandbox=call.sandbox, body=message)
        answer = _ma_loi(response)
        async with self.database.transaction() as connection:
            here = (await registry.lock(connection, [call.sandbox])).get(call.sandbox)
            order = await store.order_by_transaction(connection, call.sandbox, call.key)
            if ends:
                await http_outbox.done(connection, call)
            if here is None or order is None:  # the sandbox was deleted meanwhile
                return
            if ends and (freed := await faults.set_free(connection, here, call.key)):
                await http_outbox.try_again(connection, here.id, freed)
            if message == call.data:
                await store.save_order(connection, replace(order, confirm_answer=answer))
            taken = answer == platform.OK
            await journal.note(
                connection,
                call.sandbox,
                order.subject,
                here.now,
                "confirm_taken" if taken else "confirm_refused",
                f"Cổng {'đã nhận' if taken else 'từ chối'} CONFIRM {order.reference}",
                f"The portal {'took' if taken else 'refused'} the CONFIRM of {order.reference}",
                MaLoi=answer,
                MoTaLoi=_why(response),
                reference=order.reference,
                http_status=response.status_code,
                attempts=call.attempts,
            )
