"""What may replace the body of an event that could not be applied: a body that fits the contract and keeps what identifies it."""

from __future__ import annotations

from typing import Any

from contracts.schemas import errors
from shared.errors import Misfit
from shared.sentences import Sentence

# Members that identify what an event is about: the province chooses the lane, the others name a payment.
IDENTITY = ("province", "reference", "transaction", "refund")


def misfits(event_type: str, dossier: str, original: Any, body: Any) -> list[Misfit]:
    """What is wrong with `body` as the new body of an event about `dossier`; empty if nothing is.

    original  the first body, as JSON; what does not fit the contract there can be replaced, whatever it identifies
    """
    found: list[Misfit] = [(error.pointer, error.detail) for error in errors(event_type, body)]
    wrong = {pointer for pointer, _ in found}
    if not isinstance(body, dict):
        return found
    kept = {"dossier_code": dossier, **_identity(event_type, original)}
    for name, value in kept.items():
        if f"/{name}" not in wrong and body.get(name) != value:
            found.append((f"/{name}", _fixed(value)))
    return found


def _identity(event_type: str, original: Any) -> dict[str, Any]:
    if not isinstance(original, dict):
        return {}
    wrong = {error.pointer for error in errors(event_type, original)}
    return {name: original[name] for name in IDENTITY if name in original and f"/{name}" not in wrong}


def _fixed(value: Any) -> Sentence:
    return Sentence(
        f"stays '{value}': an edit does not change what an event is about",
        f"phải giữ nguyên '{value}': việc sửa không đổi đối tượng của sự kiện",
    )
