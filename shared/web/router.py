"""The router of all routes that know sandboxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.params import Depends as Dependency

from shared.web.dependencies import chosen_sandbox


class Router(APIRouter):
    """A router whose routes refuse an API key of another sandbox than their path names.

    An application takes its routes as they are. `include_router` would make each a second time, which takes as long as
    the first: 2 ms, after the fork and in memory that no other role shares.
    """

    def __init__(self, *, dependencies: Sequence[Dependency] = (), **options: Any) -> None:
        super().__init__(dependencies=[Depends(chosen_sandbox), *dependencies], **options)
