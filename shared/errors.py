"""Refusals, the errors that a caller receives: a rule does not allow the request, and repeating it does not help."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from shared.sentences import Sentence, in_languages


class Refusal(Exception):
    """A rule does not allow the request. Subclasses have domain names and take *public* facts as keywords.

    facts   the caller sees them as extension members of the problem (RFC 9457 section 3.2); JSON values only
    detail  one sentence: what this caller can do about it; the table of problem types holds title and status
    """

    def __init__(self, detail: str = "", **facts: object) -> None:
        super().__init__(detail or type(self).__name__)
        self.detail = detail
        self.facts = facts

    law = ""  # in both languages, if it is a Sentence

    def resting_on(self, law: str) -> Self:
        """This refusal with the fact `law`: the rule that it rests on, by an instrument that is in force."""
        self.facts["law"], self.law = str(law), law
        return self


Misfit = tuple[str, str]  # JSON pointer (RFC 6901), what does not fit there; a `Sentence` says it in both languages


class Unfit(Exception):
    """A server or its data cannot be used with this software. The message says what to do; a retry does not help."""


class BodyDoesNotFit(Refusal):
    """The body does not match the contract: 422 with one JSON pointer (RFC 6901) per error."""

    def __init__(self, *errors: Misfit, more: int = 0) -> None:
        """`more` errors are counted only."""
        self.errors = [{"pointer": pointer, **in_languages(detail)} for pointer, detail in errors]
        self.more = more
        super().__init__("Fix the fields that the pointers name, then send the body again.")

    def misfits(self, under: str = "") -> list[Misfit]:
        """The errors of this body as part of a larger document, in which the body is at the pointer `under`."""
        return [(under + each["pointer"], Sentence.of(each)) for each in self.errors]


class SandboxNotFound(Refusal):
    """No sandbox has this id, or it was deleted."""


class SandboxMismatch(Refusal):
    """The credential belongs to another sandbox than the request names."""


class ApiKeyUnknown(Refusal):
    """The API key belongs to no sandbox."""


class KeyReused(Refusal):
    """The Idempotency-Key was already used with another body."""


class NotReady(Refusal):
    """A part of the system that this request needs is not ready yet."""


class Overloaded(Refusal):
    """The machine cannot do this right now: a lock, a connection or the database was not available in time."""


class BrokerNotPrepared(Refusal):
    """The broker cannot give an outsider an access of its own: it lacks a setting, or our user lacks a right there."""


class ReceiverNotAllowed(Refusal):
    """The address of a receiver is neither loopback nor allowed by the operator."""


class HeldByFault(Refusal):
    """A fault rule delays this action. It continues when the rule is switched off, or at `due` (sandbox time)."""

    def __init__(self, detail: str, due: datetime | None, **facts: object) -> None:
        super().__init__(detail, **facts)
        self.due = due


class ServicesOnly(Refusal):
    """The endpoint is for the services alone, and the call lacks their secret."""


class DeadLetterNotFound(Refusal):
    """No dead letter has this id in this sandbox, or what it was about has been done since."""


class EventNotFound(Refusal):
    """This service has published no such event in this sandbox."""


class DeadLetterHasNoBody(Refusal):
    """The dead letter is a timer, not an event: there is no body to edit."""
