"""Refusals that only pages have: what cannot happen to a caller of the API."""

from __future__ import annotations

from shared.errors import Refusal


class DraftNotFound(Refusal):
    """There is no such draft in this sandbox, or it is another person's."""


class SignInFailed(Refusal):
    """The identity provider refused, or the answer does not belong to a sign-in that this browser has begun."""


class FormOfAnother(Refusal):
    """The form was opened by somebody else, or in a session that has ended: nothing was changed."""
