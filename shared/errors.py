"""The one base error: a rule said no, and asking again will not help."""

from __future__ import annotations

from datetime import datetime


class Refusal(Exception):
    """A rule said no. Subclasses are named in domain words and carry *public* facts as keywords.

    facts   shown to the caller as extension members of the problem (RFC 9457 section 3.2); JSON values only
    detail  what this caller can do about it, one sentence; a table of problem types holds title and status
    """

    def __init__(self, detail: str = "", **facts: object) -> None:
        super().__init__(detail or type(self).__name__)
        self.detail = detail
        self.facts = facts


Misfit = tuple[str, str]  # JSON pointer (RFC 6901), what does not fit there


class Unfit(Exception):
    """A server or its data is not what this software can work on. Its text says what to do; trying again is no use."""


class BodyDoesNotFit(Refusal):
    """The body is not what the contract says: 422 with one pointer per error (RFC 6901)."""

    def __init__(self, *errors: Misfit) -> None:
        self.errors = [{"pointer": pointer, "detail": detail} for pointer, detail in errors]
        super().__init__("Mend the fields that the pointers name, then send it again.")

    def misfits(self, under: str = "") -> list[Misfit]:
        """What does not fit, for a whole in which this body stands at the pointer `under`."""
        return [(under + each["pointer"], each["detail"]) for each in self.errors]


class SandboxNotFound(Refusal):
    """No sandbox has this id, or it was deleted."""


class SandboxMismatch(Refusal):
    """The credential belongs to one sandbox and the header names another."""


class ApiKeyUnknown(Refusal):
    """The API key opens no sandbox."""


class KeyReused(Refusal):
    """The same Idempotency-Key came with another body."""


class NotReady(Refusal):
    """A part that this request needs is not there yet."""


class HeldByFault(Refusal):
    """A fault rule holds this back: it goes on once the rule is off, or at `due` (sandbox time)."""

    def __init__(self, detail: str, due: datetime | None, **facts: object) -> None:
        super().__init__(detail, **facts)
        self.due = due


class DeadLetterNotFound(Refusal):
    """No dead letter has this id in this sandbox."""
