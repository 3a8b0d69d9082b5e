"""The batch door: a provincial system pushes many registrations, or many moves, in one request and one transaction.

Every item has a key of its own, the same as the Idempotency-Key of the single request, and an outcome of its own. So a
whole batch can be sent again, also in other parts, or item by item.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Response
from pydantic import BaseModel, Field, SkipValidation

from contracts.catalogue import Choice, agency_code, current_province
from contracts.decisions import Body
from services.province_gateway import arrival
from services.province_gateway.api.desk import (
    REGISTER,
    MoveBody,
    RegistrationBody,
    agency_named,
    choice_of,
    move_route,
    register_one,
    request_key,
)
from services.province_gateway.api.views import DossierView, GatewayDep
from services.province_gateway.codes import code_series
from services.province_gateway.domain import Dossier, DossierNotFound
from services.province_gateway.moves import official, receipts
from services.province_gateway.officers.modes import must_decide_here
from services.province_gateway.problems import PROBLEMS
from services.province_gateway.runtime import Gateway
from services.province_gateway.work import Work
from shared.errors import BodyDoesNotFit, Overloaded, Refusal
from shared.messaging.idempotency import KeyTaken, RequestKey, StoredReply, keep
from shared.messaging.request import Request
from shared.runtime import known_sandbox
from shared.text import Text
from shared.web.dependencies import KEY_FORM, SandboxId
from shared.web.page_route import body_of
from shared.web.problems import document_of, problem_responses
from shared.web.router import Router

MOST_ITEMS = 200  # in one transaction: a tenth of a second of the process, in which it replies to nobody else
TRIES = 3  # if somebody uses a key of the batch at the same moment
ACCEPTED, KNOWN, REFUSED = "accepted", "already_known", "refused"
Key = Annotated[str, Field(**KEY_FORM, description="Of this item; as the Idempotency-Key of a single request")]
B = TypeVar("B", bound=BaseModel)
Decide = Callable[[Request[Dossier], "Sequence[Item[B]]"], Awaitable[None]]
router = Router(prefix="/api/v1", tags=["officers"])


class RegistrationItem(RegistrationBody):
    key: Key


class MoveItem(MoveBody):
    key: Key
    code: Annotated[Text, Field(min_length=1, max_length=60, examples=["H42.14464-260609-0001"])]


class Registrations(Body):
    """Each item is checked by itself: one that does not fit has its own outcome."""

    dossiers: Annotated[list[SkipValidation[RegistrationItem]], Field(min_length=1, max_length=MOST_ITEMS)]


class Moves(Body):
    """Made in this order; each item is checked by itself: one that does not fit has its own outcome."""

    moves: Annotated[list[SkipValidation[MoveItem]], Field(min_length=1, max_length=MOST_ITEMS)]


class OutcomeView(BaseModel):
    """`pointer`: of the item in the request; `key`: null if it has none that fits; `problem`: as the single request has it."""

    pointer: str
    key: str | None
    outcome: Literal["accepted", "already_known", "refused"]
    dossier: DossierView | None = None
    problem: dict[str, Any] | None = None


class BatchView(BaseModel):
    """How many items have each outcome, and the outcomes in the order of the items."""

    accepted: int
    already_known: int
    refused: int
    outcomes: list[OutcomeView]


@dataclass
class Item(Generic[B]):
    """An item of a batch that fits, and its outcome: with a `reply` (JSON text of the dossier) or a `refusal`."""

    pointer: str
    body: B
    request: RequestKey
    outcome: str = ""
    reply: str = ""
    refusal: Refusal | None = None

    def refuse(self, refusal: Refusal) -> None:
        self.outcome, self.refusal = REFUSED, refusal

    def know(self, reply: StoredReply) -> None:
        """The key was used before: the outcome is that reply, or that the body is another one."""
        try:
            _, self.reply = reply.to(self.request)
            self.outcome = KNOWN
        except Refusal as refusal:
            self.refuse(refusal)

    def json(self) -> str:
        if self.refusal is not None:
            return _refused(self.pointer, self.request.key, self.refusal)
        head = json.dumps({"pointer": self.pointer, "key": self.request.key, "outcome": self.outcome})
        return f'{head[:-1]}, "dossier": {self.reply}}}'


@router.post(
    "/provinces/{province}/registrations",
    summary="Register up to 200 dossiers handed in at counters or by public post, with one outcome for each.",
    response_model=BatchView,
    responses=problem_responses(404, 409, 413, 422, 503),
)
async def register_many(province: Text, body: Registrations, sandbox: SandboxId, gateway: GatewayDep) -> Response:
    batch = Batch(RegistrationItem, province, "/dossiers", body.dossiers, lambda item: REGISTER)

    async def decide(request: Request[Dossier], items: Sequence[Item[RegistrationItem]]) -> None:
        choices: list[tuple[Item[RegistrationItem], Choice]] = []
        for item in items:
            try:
                choices.append((item, choice_of(province, item.body, request.now)))
            except Refusal as refusal:
                item.refuse(refusal)
        await request.lock_counters(*{code_series(choice.agency, request.now) for _, choice in choices})
        for item, choice in choices:
            _decide(request, item, 201, partial(register_one, choice=choice, body=item.body, rules=gateway.rules))

    named = {agency_named(province, item.body) for item in batch.items}
    return await batch.run(gateway, sandbox, decide, series=named)


@router.post(
    "/provinces/{province}/moves",
    summary="Make up to 200 moves, each after the one before, with one outcome for each.",
    response_model=BatchView,
    responses=problem_responses(404, 409, 413, 422, 503),
)
async def move_many(province: Text, body: Moves, sandbox: SandboxId, gateway: GatewayDep) -> Response:
    batch = Batch(MoveItem, province, "/moves", body.moves, lambda item: move_route(item.code))
    codes = {item.body.code for item in batch.items}
    await known_sandbox(gateway, sandbox)
    await arrival.all_arrived(gateway, sandbox, province, codes)

    async def decide(request: Request[Dossier], items: Sequence[Item[MoveItem]]) -> None:
        known = [dossier for code in codes if (dossier := request.work.find(code)) and dossier.province == province]
        agencies = {agency_code(dossier.province, dossier.commune) for dossier in known}
        await request.lock_counters(*{s for agency in agencies for s in receipts.receipt_series(agency, request.now)})
        for item in items:
            code = item.body.code
            if all(code != dossier.code for dossier in known):
                item.refuse(DossierNotFound(code))
                continue
            move = partial(official.perform, code=code, instruction=item.body.instruction(), rules=gateway.rules)
            _decide(request, item, 200, move)

    return await batch.run(gateway, sandbox, decide, codes=codes)


class Batch(Generic[B]):
    """The items of a request that fit their model, and the outcome of all: JSON text by their place in the request.

    route  under which the key of an item is stored: that of the single request
    """

    def __init__(
        self, model: type[B], province: str, pointer: str, items: Sequence[Any], route: Callable[[B], str]
    ) -> None:
        """Raises ProvinceNotFound."""
        self._province = current_province(province)
        self._outcomes: list[Item[B] | str] = []
        for index, raw in enumerate(items):
            place = f"{pointer}/{index}"
            try:
                body: Any = body_of(model, raw)
                self._outcomes.append(Item(place, body, request_key(province, route(body), body.key, body)))
            except BodyDoesNotFit as refusal:
                self._outcomes.append(_refused(place, _key_in(raw), refusal))

    @property
    def items(self) -> list[Item[B]]:
        return [each for each in self._outcomes if isinstance(each, Item)]

    async def run(
        self,
        gateway: Gateway,
        sandbox: str,
        decide: Decide[B],
        *,
        codes: Iterable[str] = (),
        series: Iterable[str] = (),
    ) -> Response:
        """Decide in one transaction about the items whose keys are new. Raises ConnectorDecides, Overloaded."""
        queues = [f"batch {self._province}", *series]
        for _ in range(TRIES):
            with suppress(KeyTaken):
                async with gateway.unit_of_work(sandbox, codes=sorted(codes), series=queues) as request:
                    must_decide_here(request.work.sandbox, self._province)
                    await self._decide_once(request, decide)
                return self._response()
        raise Overloaded("Others use keys of this batch at the same moment: send the same batch again.")

    async def _decide_once(self, request: Request[Dossier], decide: Decide[B]) -> None:
        items = self.items
        stored = await request.stored_replies([item.request for item in items])
        first: dict[tuple[str, str], Item[B]] = {}
        repeated: list[tuple[Item[B], Item[B]]] = []
        for item in items:
            item.refusal, key = None, (item.request.route, item.request.key)
            if key in stored:
                item.know(stored[key])
            elif key in first:
                repeated.append((item, first[key]))
            else:
                first[key] = item
        await decide(request, list(first.values()))
        for item, earlier in repeated:
            item.know(StoredReply(earlier.request.body_hash, 0, earlier.reply))
            if earlier.refusal is not None and item.outcome == KNOWN:
                item.refuse(earlier.refusal)

    def _response(self) -> Response:
        texts = [each if isinstance(each, str) else each.json() for each in self._outcomes]
        outcomes = Counter(each.outcome if isinstance(each, Item) else REFUSED for each in self._outcomes)
        counts = ", ".join(f'"{name}": {outcomes[name]}' for name in (ACCEPTED, KNOWN, REFUSED))
        text = f'{{{counts}, "outcomes": [{", ".join(texts)}]}}'
        return Response(text.encode(errors="replace"), media_type="application/json")  # half a character is no UTF-8


def _decide(request: Request[Dossier], item: Item[Any], status: int, act: Callable[[Work], Dossier]) -> None:
    """What one item causes, on the layer of its own; a refusal leaves nothing of it."""
    work = request.work.layer()
    try:
        dossier = act(work)
    except Refusal as refusal:
        item.refuse(refusal)
        return
    item.reply = DossierView.of(dossier, work.at(dossier.code)).model_dump_json()
    item.outcome = ACCEPTED
    keep(work, item.request, status, item.reply)
    work.merge()


def _refused(pointer: str, key: str | None, refusal: Refusal) -> str:
    problem = document_of(PROBLEMS, refusal, pointer)
    return json.dumps({"pointer": pointer, "key": key, "outcome": REFUSED, "problem": problem}, ensure_ascii=False)


def _key_in(raw: Any) -> str | None:
    """The key of an item that does not fit, if at least the key does."""
    key = raw.get("key") if isinstance(raw, dict) else None
    return key if isinstance(key, str) and re.fullmatch(KEY_FORM["pattern"], key) and len(key) <= 200 else None
