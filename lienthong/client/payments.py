"""The payment platform of one sandbox: a dossier's orders, and the payer's decisions."""

from __future__ import annotations

from typing import TypedDict, cast
from urllib.parse import quote

from lienthong.client.http import Scope, rows_in

PARTNERS = "/_lab/partners"


class Order(TypedDict):
    """An order that the portal opened for a dossier.

    state          open, failed (may be tried again) or paid; an expired order stays open
    confirmed      the portal has accepted the platform's CONFIRM
    refunded_dong  amount refunded
    """

    reference: str
    transaction: str
    amount_dong: int
    checkout_url: str
    state: str
    confirmed: bool
    refunded_dong: int


class Partner(TypedDict):
    """A partner of the platform, such as a province, and what its program is configured with.

    init, query, get_bill  where it sends these messages; `address` takes all three; `wrapper` replies as one province does
    keypay                 `client_id`, `hash_key_1`, `hash_key_2` and `base`, for a client of KeyPay
    """

    partner: str
    secret: str
    confirm_url: str | None
    return_url: str | None
    address: str
    init: str
    query: str
    get_bill: str
    wrapper: str
    keypay: dict[str, str]


class Registered(Partner):
    """`trouble`: why nobody answers at the `confirm_url` that was named; None: somebody listens, or none was named."""

    trouble: str | None
    trouble_vi: str | None


class Payments:
    """Decides as the payer would. The platform sends its confirmation asynchronously: `settle` waits for it."""

    def __init__(self, sandbox: Scope) -> None:
        self._sandbox = sandbox

    async def orders(self, code: str) -> list[Order]:
        """All orders of a dossier, oldest first."""
        orders: dict[str, Order] = {}
        checkout = f"{self._sandbox.country.payment.url}/s/{self._sandbox.id}/checkout"
        for entry in await rows_in(self._sandbox, "payment", f"/_lab/timeline/{quote(code, safe='')}"):
            data, kind = entry["data"], entry["kind"]
            reference = str(data.get("reference", ""))  # an entry about a fault has none
            if kind == "checkout_opened":
                orders[reference] = {
                    "reference": reference,
                    "transaction": data["transaction"],
                    "amount_dong": data["amount_dong"],
                    "checkout_url": f"{checkout}/{data['transaction']}",
                    "state": "open",
                    "confirmed": False,
                    "refunded_dong": 0,
                }
            elif kind in ("paid", "payment_failed"):
                orders[reference]["state"] = "paid" if kind == "paid" else "failed"
            elif kind == "confirm_taken":
                orders[reference]["confirmed"] = True
            elif kind == "refunded":
                orders[reference]["refunded_dong"] += data["amount_dong"]
        return list(orders.values())

    async def register(self, code: str, *, confirm_url: str | None = None, return_url: str | None = None) -> Registered:
        """A partner (MaDoiTac) that opens payments itself, new or with other addresses; its secret stays.

        confirm_url  where CONFIRM is sent; "": nowhere, it asks by QUERY; None: as it is, for a new partner nowhere
        return_url   where the payer's browser goes; "": it stays; None: as it is
        """
        named = {"confirm_url": confirm_url, "return_url": return_url}
        body = {name: address for name, address in named.items() if address is not None}
        platform = self._sandbox.country.payment
        return cast(Registered, await platform.json("PUT", _of(code), json=body, headers=self._sandbox.headers))

    async def partners(self) -> list[Partner]:
        """The partners of the sandbox, with their secrets."""
        return cast(list[Partner], await rows_in(self._sandbox, "payment", PARTNERS))

    async def remove(self, code: str) -> None:
        """Remove a partner; its orders stay."""
        await self._sandbox.country.payment.send("DELETE", _of(code), headers=self._sandbox.headers)

    async def pay(self, checkout_url: str) -> None:
        """Open the platform's page and pay. Raises Problem for an order that is paid or expired."""
        await self._decide(checkout_url, "success")

    async def fail(self, checkout_url: str) -> None:
        """Open the platform's page and let the payment fail; it may be tried again."""
        await self._decide(checkout_url, "failed")

    async def _decide(self, checkout_url: str, outcome: str) -> None:
        platform = self._sandbox.country.payment
        await platform.send("GET", checkout_url)
        await platform.send("POST", f"{checkout_url}/pay", json={"outcome": outcome})


def _of(code: str) -> str:
    return f"{PARTNERS}/{quote(code, safe='')}"
