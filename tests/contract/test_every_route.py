"""What every route of every service has, whichever file it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from shared.web.dependencies import chosen_sandbox
from tools.docs.generate import SERVICES, applications

WITHOUT_SANDBOX = {"/openapi.json", "/healthz", "/readyz", "/metrics", "/docs", "/docs/start.js", "/docs/{name}"}


def calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from calls(each)


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_refuses_the_key_of_another_sandbox_than_its_path_names(service: str) -> None:
    routes = [each for each in iter_route_contexts(applications()[service].routes) if each.path not in WITHOUT_SANDBOX]
    assert len(routes) > 10
    assert [each.path for each in routes if chosen_sandbox not in calls(each.dependant)] == []
