"""The router of each file of lab endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi.params import Depends

from shared.web.problems import problem_responses
from shared.web.router import Router


def lab_router(*tags: str, dependencies: Sequence[Depends] = (), refusals: Sequence[int] = ()) -> Router:
    """A router under `/_lab`; `refusals`: statuses that its routes answer with, besides those of every lab endpoint."""
    responses = problem_responses(401, 403, 404, *refusals)
    return Router(prefix="/_lab", tags=["lab", *tags], dependencies=dependencies, responses=responses)
